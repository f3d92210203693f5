#include <linq.h>
#include <stdio.h>
#include <string.h>

/* The library is that of the header, and works without a network: the type of a photo by its first bytes. */
int main(void) {
  const char *type = linq_content_type(NULL, "\xff\xd8\xff\xe0", 4);
  printf("liblinq %s: %s\n", linq_version(), type ? type : "no type");
  return strcmp(linq_version(), LINQ_VERSION_STRING) != 0 || type == NULL || strcmp(type, "image/jpeg") != 0;
}

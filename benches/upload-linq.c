/* Uploads files with liblinq. The API and its key are in the environment. */
#include <linq.h>
#include <stdio.h>

int main(int count, char **files) {
  for (int i = 1; i < count; i++) {
    linq_attachment *attachment = NULL;
    linq_error *error = NULL;
    if (linq_upload_file(NULL, files[i], NULL, &attachment, &error) != LINQ_OK) {
      fprintf(stderr, "%s\n", error->message);
      linq_free(error);
      return 1;
    }
    printf("%s\n", attachment->attachment_id);
    linq_free(attachment);
  }
}

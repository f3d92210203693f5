/* The one linq.h is that of the library which pkg-config found. */
#include <linq.h>

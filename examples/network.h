/* Tells the library when an address of this machine comes or goes, so that uploads go on over what there is now. Linux only. */
#ifndef NETWORK_H
#define NETWORK_H

#include <linq.h>

/* Watches on a thread of its own. Where that fails, uploads work as well, but may wait for a silent connection. */
void start_network(linq_client *client);

/* Ends the thread; to be called before the client is freed. */
void stop_network(void);

#endif

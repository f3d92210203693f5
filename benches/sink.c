/*
 * The server of the measurements: takes POST /v3/attachments, hands out URLs to itself, and swallows what is PUT there.
 *
 *     sink CERTIFICATE.pem KEY.pem [ADDRESS]
 *
 * Prints one line of JSON with its addresses. After that each line on stdin is answered by one of JSON: what arrived
 * since the last one. The line "hash" has it hash what arrives from then on, "count" only count. Ends with its stdin.
 *
 * The API and the storage are two hosts, as they are at Linq, so each has a port of its own; the API closes connections
 * after a minute without a request, the storage after 5 s, as S3 does. Every connection has a
 * thread that blocks: nothing wakes up for it twice, and no runtime takes the other core from the client.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 256 * 1024 };

enum port { API, STORAGE, API_TLS, STORAGE_TLS, PORTS };
static const char *const SCHEME[] = {"http", "http", "https", "https"};
static const time_t IDLE_SECONDS[] = {60, 5, 60, 5};
static const char *address = "127.0.0.1";

static struct listener {
  enum port port;
  int fd, number;
} listeners[PORTS];
static SSL_CTX *tls;

/* What arrived since it was asked for. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool hashing;
static unsigned connections, reserved;
static char *list;
static size_t list_size;
static FILE *puts_seen;
static char negotiated[128];

static void die(const char *what) {
  perror(what);
  exit(1);
}

/* One connection. */
struct peer {
  enum port port;
  int fd;
  SSL *ssl;
  size_t start, end;
  char buffer[BUFFER];
};

static ssize_t receive(struct peer *peer, char *to, size_t room) {
  if (peer->ssl == NULL) return recv(peer->fd, to, room, 0);
  int n = SSL_read(peer->ssl, to, (int)room);
  return n > 0 ? n : -1;
}

static bool give(struct peer *peer, const char *text) {
  size_t length = strlen(text);
  if (peer->ssl != NULL) return SSL_write(peer->ssl, text, (int)length) == (int)length;
  return send(peer->fd, text, length, 0) == (ssize_t)length;
}

/* Reads a head, puts a NUL behind it and leaves `start` at the body. NULL when the client is gone. */
static char *read_head(struct peer *peer) {
  memmove(peer->buffer, peer->buffer + peer->start, peer->end - peer->start);
  peer->end -= peer->start;
  peer->start = 0;
  for (;;) {
    char *end = memmem(peer->buffer, peer->end, "\r\n\r\n", 4);
    if (end != NULL) {
      end[2] = '\0';
      peer->start = (size_t)(end - peer->buffer) + 4;
      return peer->buffer;
    }
    if (peer->end == BUFFER) return NULL;
    ssize_t n = receive(peer, peer->buffer + peer->end, BUFFER - peer->end);
    if (n <= 0) return NULL;
    peer->end += (size_t)n;
  }
}

/* Copies a header's value; whether there is exactly one. */
static bool header(const char *head, const char *name, char *value, size_t room) {
  char key[64];
  snprintf(key, sizeof key, "\r\n%s:", name);
  const char *found = strcasestr(head, key);
  if (found == NULL || strcasestr(found + 2, key) != NULL) return false;
  found += strlen(key);
  found += strspn(found, " ");
  snprintf(value, room, "%.*s", (int)strcspn(found, "\r"), found);
  return true;
}

/* Copies what JSON has under a name, without its quotes; enough for what these clients send. */
static bool member(const char *json, const char *name, char *value, size_t room) {
  char key[64];
  snprintf(key, sizeof key, "\"%s\"", name);
  const char *found = strstr(json, key);
  if (found == NULL) return false;
  found += strlen(key);
  found += strspn(found, " :\"");
  snprintf(value, room, "%.*s", (int)strcspn(found, "\",} "), found);
  return true;
}

static bool refuse(struct peer *peer, const char *why) {
  char answer[512];
  snprintf(answer, sizeof answer, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
           strlen(why), why);
  fprintf(stderr, "sink: refused: %s\n", why);
  give(peer, answer);
  return false;
}

/* POST /v3/attachments: the reply that Linq gives, with a URL of the storage here. */
static bool reserve(struct peer *peer, const char *json) {
  char name[256], size[32], type[128], date[64], expires[64], body[2048], answer[4096];
  if (!member(json, "filename", name, sizeof name) || !member(json, "size_bytes", size, sizeof size) ||
      !member(json, "content_type", type, sizeof type))
    return refuse(peer, "the reservation lacks a field");
  time_t now = time(NULL), later = now + 900;
  struct tm utc;
  strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &utc));
  strftime(expires, sizeof expires, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&later, &utc));
  enum port storage = peer->port == API ? STORAGE : STORAGE_TLS;
  snprintf(body, sizeof body,
           "{\"attachment_id\":\"550e8400-e29b-41d4-a716-446655440000\","
           "\"upload_url\":\"%s://%s:%d/uploads/%s?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=900"
           "&X-Amz-SignedHeaders=content-length%%3Bcontent-type%%3Bhost&X-Amz-Signature=%064d\","
           "\"download_url\":\"%s://%s:%d/uploads/%s\",\"http_method\":\"PUT\",\"expires_at\":\"%s\","
           "\"required_headers\":{\"Content-Type\":\"%s\",\"Content-Length\":\"%s\"}}",
           SCHEME[storage], address, listeners[storage].number, name, 0, SCHEME[storage], address,
           listeners[storage].number, name, expires, type, size);
  snprintf(answer, sizeof answer,
           "HTTP/1.1 200 OK\r\nDate: %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", date,
           strlen(body), body);
  pthread_mutex_lock(&lock);
  reserved++;
  pthread_mutex_unlock(&lock);
  return give(peer, answer);
}

static void note_put(const char *path, size_t length, EVP_MD_CTX *hash) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned digest_length = 0;
  if (hash != NULL) EVP_DigestFinal_ex(hash, digest, &digest_length);
  pthread_mutex_lock(&lock);
  fprintf(puts_seen, "%s[\"%.*s\",%zu,\"", ftell(puts_seen) > 0 ? "," : "", (int)strcspn(path, "? "), path, length);
  for (unsigned i = 0; i < digest_length; i++) fprintf(puts_seen, "%02x", digest[i]);
  fputs("\"]", puts_seen);
  pthread_mutex_unlock(&lock);
}

static bool swallow(struct peer *peer, const char *path, size_t length) {
  EVP_MD_CTX *hash = NULL;
  pthread_mutex_lock(&lock);
  if (hashing) hash = EVP_MD_CTX_new();
  pthread_mutex_unlock(&lock);
  if (hash != NULL) EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
  size_t left = length;
  bool whole = true;
  while (left > 0) {
    if (peer->start == peer->end) {
      ssize_t n = receive(peer, peer->buffer, BUFFER);
      if (n <= 0) {
        whole = false;
        break;
      }
      peer->start = 0;
      peer->end = (size_t)n;
    }
    size_t take = peer->end - peer->start < left ? peer->end - peer->start : left;
    if (hash != NULL) EVP_DigestUpdate(hash, peer->buffer + peer->start, take);
    peer->start += take;
    left -= take;
  }
  if (whole) note_put(path, length, hash);
  EVP_MD_CTX_free(hash);
  return whole && give(peer, "HTTP/1.1 200 OK\r\nETag: \"d41d8cd98f00b204e9800998ecf8427e\"\r\nContent-Length: 0\r\n\r\n");
}

/* One request; whether the connection goes on. The storage wants what S3 wants of a presigned URL. */
static bool serve(struct peer *peer) {
  char *head = read_head(peer), value[256], path[1024];
  if (head == NULL) return false;
  size_t length = header(head, "Content-Length", value, sizeof value) ? strtoul(value, NULL, 10) : 0;
  if (length == 0) return refuse(peer, "Content-Length is missing or 0");
  if (strcasestr(head, "\r\nTransfer-Encoding:") != NULL) return refuse(peer, "the body is chunked");
  bool authorized = header(head, "Authorization", value, sizeof value);
  bool expects = header(head, "Expect", value, sizeof value);
  if (!header(head, "Content-Type", value, sizeof value)) return refuse(peer, "Content-Type is not there once");

  if (sscanf(head, "PUT /uploads/%1000s", path) == 1) {
    if (strcmp(value, "text/plain") != 0) return refuse(peer, "the Content-Type is not the one that was signed");
    if (authorized) return refuse(peer, "the storage got the API key");
    if (expects && !give(peer, "HTTP/1.1 100 Continue\r\n\r\n")) return false;
    return swallow(peer, path, length);
  }
  if (strncmp(head, "POST /v3/attachments ", 21) != 0) return refuse(peer, "there is no such thing here");
  if (!authorized) return refuse(peer, "the API got no key");
  char json[4096];
  if (length >= sizeof json) return refuse(peer, "the reservation is too long");
  for (size_t got = 0; got < length;) {
    if (peer->start == peer->end) {
      ssize_t n = receive(peer, peer->buffer, BUFFER);
      if (n <= 0) return false;
      peer->start = 0;
      peer->end = (size_t)n;
    }
    size_t take = peer->end - peer->start < length - got ? peer->end - peer->start : length - got;
    memcpy(json + got, peer->buffer + peer->start, take);
    peer->start += take;
    got += take;
  }
  json[length] = '\0';
  return reserve(peer, json);
}

static void *converse(void *argument) {
  struct peer *peer = argument;
  int one = 1;
  struct timeval idle = {.tv_sec = IDLE_SECONDS[peer->port]};
  setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  setsockopt(peer->fd, SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof idle);
  bool good = true;
  if (peer->port >= API_TLS) {
    peer->ssl = SSL_new(tls);
    SSL_set_fd(peer->ssl, peer->fd);
    good = SSL_accept(peer->ssl) == 1;
    if (!good) ERR_print_errors_fp(stderr);
  }
  pthread_mutex_lock(&lock);
  connections++;
  if (good && peer->ssl != NULL) {
    char now[sizeof negotiated];
    const char *group = SSL_group_to_name(peer->ssl, (int)SSL_get_negotiated_group(peer->ssl));
    snprintf(now, sizeof now, "%s %s %s", SSL_get_version(peer->ssl), SSL_get_cipher(peer->ssl), group);
    /* Two that differ show as something that no one expects. */
    if (negotiated[0] == '\0' || strcmp(negotiated, now) == 0)
      strcpy(negotiated, now);
    else
      strcpy(negotiated, "not always the same");
  }
  pthread_mutex_unlock(&lock);
  while (good && serve(peer)) continue;
  if (peer->ssl != NULL) {
    if (good) SSL_shutdown(peer->ssl);
    SSL_free(peer->ssl);
    ERR_clear_error();
  }
  close(peer->fd);
  free(peer);
  return NULL;
}

static void *accept_all(void *argument) {
  const struct listener *listener = argument;
  for (;;) {
    struct peer *peer = malloc(sizeof *peer);
    if (peer == NULL) die("malloc");
    memset(peer, 0, offsetof(struct peer, buffer));
    peer->port = listener->port;
    peer->fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
    if (peer->fd < 0) die("accept");
    pthread_t thread;
    if (pthread_create(&thread, NULL, converse, peer) != 0) die("pthread_create");
    pthread_detach(thread);
  }
  return NULL;
}

static void open_listener(enum port port) {
  struct sockaddr_in own = {.sin_family = AF_INET};
  socklen_t length = sizeof own;
  struct listener *listener = &listeners[port];
  listener->port = port;
  listener->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (inet_pton(AF_INET, address, &own.sin_addr) != 1 || listener->fd < 0 ||
      bind(listener->fd, (struct sockaddr *)&own, length) != 0 || listen(listener->fd, 128) != 0 ||
      getsockname(listener->fd, (struct sockaddr *)&own, &length) != 0)
    die("listen");
  listener->number = ntohs(own.sin_port);
}

/* One version, cipher and key exchange for everybody. */
static void set_up_tls(const char *certificate, const char *key) {
  tls = SSL_CTX_new(TLS_server_method());
  SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION);
  /* A whole buffer at a time, not five bytes and then a record. */
  SSL_CTX_set_read_ahead(tls, 1);
  SSL_CTX_set_default_read_buffer_len(tls, BUFFER);
  if (SSL_CTX_set_ciphersuites(tls, "TLS_AES_128_GCM_SHA256") != 1 || SSL_CTX_set1_groups_list(tls, "X25519") != 1 ||
      SSL_CTX_use_certificate_chain_file(tls, certificate) != 1 ||
      SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1) {
    ERR_print_errors_fp(stderr);
    exit(1);
  }
}

static void begin_anew(void) {
  free(list);
  puts_seen = open_memstream(&list, &list_size);
  if (puts_seen == NULL) die("open_memstream");
  connections = reserved = 0;
  negotiated[0] = '\0';
}

static double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

int main(int count, char **words) {
  if (count != 3 && count != 4) {
    fputs("usage: sink CERTIFICATE.pem KEY.pem [ADDRESS]\n", stderr);
    return 2;
  }
  if (count == 4) address = words[3];
  signal(SIGPIPE, SIG_IGN);
  set_up_tls(words[1], words[2]);
  begin_anew();
  for (enum port port = API; port < PORTS; port++) open_listener(port);
  for (enum port port = API; port < PORTS; port++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, accept_all, &listeners[port]) != 0) die("pthread_create");
  }
  printf("{\"plain\":[\"http://%s:%d\",\"http://%s:%d\"],\"tls\":[\"https://%s:%d\",\"https://%s:%d\"]}\n",
         address, listeners[API].number, address, listeners[STORAGE].number, address, listeners[API_TLS].number,
         address, listeners[STORAGE_TLS].number);
  fflush(stdout);

  char line[16];
  double cpu = cpu_seconds();
  while (fgets(line, sizeof line, stdin) != NULL) {
    double now = cpu_seconds();
    pthread_mutex_lock(&lock);
    fclose(puts_seen);
    printf("{\"connections\":%u,\"reserved\":%u,\"tls\":\"%s\",\"cpu\":%.6f,\"puts\":[%s]}\n", connections, reserved,
           negotiated, now - cpu, list);
    begin_anew();
    hashing = strcmp(line, "hash\n") == 0;
    pthread_mutex_unlock(&lock);
    fflush(stdout);
    cpu = now;
  }
}

/*
 * The functions of linq.Native over linq.h.
 *
 * Text crosses as byte[] of UTF-8, as JNI's own strings are modified UTF-8. A function that can fail returns an Object[]: a long[]
 * that begins with the status, then one byte[] or null for each text of the result, or of the error. Whatever a callback throws is
 * kept while the call ends, and thrown then. NULL is only returned with an exception pending.
 */
#include <jni.h>
#include <linq.h>
#include <stdlib.h>

#define NATIVE(type, name) JNIEXPORT type JNICALL Java_linq_Native_##name
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* The size of the array that a stream is read through. */
enum { CHUNK = 64 * 1024 };

/* Also defined by linq.h's results: at most this many texts each. */
enum { MOST_TEXTS = 8 };

static void throw_out_of_memory(JNIEnv *env) {
  jclass class = (*env)->FindClass(env, "java/lang/OutOfMemoryError");
  if (class != NULL) (*env)->ThrowNew(env, class, "liblinq: no native memory");
}

/* ---- Text from Java: copies that end with NUL, for the length of one call ---- */

struct text {
  struct text *next;
  size_t length;
  char bytes[];
};

struct texts {
  JNIEnv *env;
  struct text *first;
};

/* The length of a NULL array is 0. */
static const char *copy(struct texts *texts, jbyteArray array) {
  JNIEnv *env = texts->env;
  if (array == NULL || (*env)->ExceptionCheck(env)) return NULL;
  jsize length = (*env)->GetArrayLength(env, array);
  struct text *text = malloc(sizeof *text + (size_t)length + 1);
  if (text == NULL) {
    throw_out_of_memory(env);
    return NULL;
  }
  text->next = texts->first;
  text->length = (size_t)length;
  texts->first = text;
  (*env)->GetByteArrayRegion(env, array, 0, length, (jbyte *)text->bytes);
  text->bytes[length] = '\0';
  return text->bytes;
}

/* Copies of several; the caller frees the list, not the copies. */
static const char **copy_all(struct texts *texts, jobjectArray arrays, size_t *count) {
  JNIEnv *env = texts->env;
  *count = 0;
  if ((*env)->ExceptionCheck(env)) return NULL;
  jsize length = (*env)->GetArrayLength(env, arrays);
  const char **list = calloc((size_t)length + 1, sizeof *list);
  if (list == NULL) {
    throw_out_of_memory(env);
    return NULL;
  }
  for (jsize i = 0; i < length; i++) {
    jbyteArray array = (*env)->GetObjectArrayElement(env, arrays, i);
    list[i] = copy(texts, array);
    (*env)->DeleteLocalRef(env, array);
    if ((*env)->ExceptionCheck(env)) break;
  }
  *count = (size_t)length;
  return list;
}

/* One of them may be the API key or a presigned URL. */
static void release(struct texts *texts) {
  while (texts->first != NULL) {
    struct text *text = texts->first;
    texts->first = text->next;
    volatile char *bytes = text->bytes;
    for (size_t i = 0; i < text->length; i++) bytes[i] = 0;
    free(text);
  }
}

/* ---- Results to Java ---- */

static jbyteArray bytes_of(JNIEnv *env, const char *text) {
  if (text == NULL) return NULL;
  jsize length = (jsize)strlen(text);
  jbyteArray array = (*env)->NewByteArray(env, length);
  if (array != NULL) (*env)->SetByteArrayRegion(env, array, 0, length, (const jbyte *)text);
  return array;
}

static void set(JNIEnv *env, jobjectArray reply, jsize index, jobject value) {
  if (value == NULL) return;
  (*env)->SetObjectArrayElement(env, reply, index, value);
  (*env)->DeleteLocalRef(env, value);
}

static jobjectArray reply(JNIEnv *env, const jlong *numbers, size_t number_count, const char *const *texts, size_t text_count) {
  if ((*env)->ExceptionCheck(env)) return NULL;
  jclass object = (*env)->FindClass(env, "java/lang/Object");
  if (object == NULL) return NULL;
  jobjectArray array = (*env)->NewObjectArray(env, (jsize)text_count + 1, object, NULL);
  (*env)->DeleteLocalRef(env, object);
  if (array == NULL) return NULL;
  jlongArray first = (*env)->NewLongArray(env, (jsize)number_count);
  if (first == NULL) return NULL;
  (*env)->SetLongArrayRegion(env, first, 0, (jsize)number_count, numbers);
  set(env, array, 0, first);
  for (size_t i = 0; i < text_count; i++) {
    set(env, array, (jsize)i + 1, bytes_of(env, texts[i]));
    if ((*env)->ExceptionCheck(env)) return NULL;
  }
  return array;
}

/* What a failed call left, also where it left no error. */
static jobjectArray failure(JNIEnv *env, linq_status status, const linq_error *error) {
  if (error == NULL) {
    jlong numbers[] = {status, 0, 0, 0, 0, 0, 0};
    const char *texts[MOST_TEXTS] = {linq_status_name(status)};
    return reply(env, numbers, COUNT(numbers), texts, COUNT(texts));
  }
  jlong numbers[] = {error->status,   error->http_status, error->api_code,    error->retry_after_ms,
                     error->attempts, error->retryable,   error->system_error};
  const char *texts[MOST_TEXTS] = {error->message, error->storage_code, error->storage_request_id, error->storage_id_2,
                                   error->doc_url, error->trace_id,     error->attachment_id,      error->idempotency_key};
  return reply(env, numbers, COUNT(numbers), texts, COUNT(texts));
}

static jobjectArray failed(JNIEnv *env, linq_status status, linq_error *error) {
  jobjectArray result = failure(env, status, error);
  linq_free(error);
  return result;
}

static jobjectArray done(JNIEnv *env) {
  jlong numbers[] = {LINQ_OK};
  return reply(env, numbers, COUNT(numbers), NULL, 0);
}

static void *pointer(jlong handle) { return (void *)(intptr_t)handle; }

/* ---- What the callbacks of a call need ---- */

struct call {
  JNIEnv *env;
  /* An AttemptCallback, or NULL. */
  jobject observer;
  jthrowable thrown;
};

/* Keeps what a callback has thrown; returns whether it has. */
static int keep_thrown(struct call *call) {
  JNIEnv *env = call->env;
  if (!(*env)->ExceptionCheck(env)) return 0;
  jthrowable thrown = (*env)->ExceptionOccurred(env);
  (*env)->ExceptionClear(env);
  if (call->thrown == NULL)
    call->thrown = thrown;
  else
    (*env)->DeleteLocalRef(env, thrown);
  return 1;
}

static void on_attempt(void *user_data, const linq_attempt *attempt) {
  struct call *call = user_data;
  JNIEnv *env = call->env;
  jclass class = (*env)->GetObjectClass(env, call->observer);
  jmethodID method = (*env)->GetMethodID(env, class, "attempt", "([Ljava/lang/Object;)V");
  (*env)->DeleteLocalRef(env, class);
  jlong numbers[] = {LINQ_OK,
                     (jlong)attempt->bytes_sent,
                     (jlong)attempt->bytes_received,
                     (jlong)attempt->lookup_us,
                     (jlong)attempt->connect_us,
                     (jlong)attempt->proxy_us,
                     (jlong)attempt->tls_us,
                     (jlong)attempt->send_us,
                     (jlong)attempt->wait_us,
                     (jlong)attempt->receive_us,
                     (jlong)attempt->total_us,
                     attempt->step,
                     attempt->number,
                     attempt->http_status,
                     attempt->status,
                     attempt->reused,
                     attempt->again_in_ms};
  const char *texts[] = {attempt->host, attempt->request_id, attempt->reason};
  jobjectArray items = reply(env, numbers, COUNT(numbers), texts, COUNT(texts));
  if (items != NULL) (*env)->CallVoidMethod(env, call->observer, method, items);
  (*env)->DeleteLocalRef(env, items);
  keep_thrown(call);
}

static linq_call_options call_options(struct call *call, jlong token, jint timeout_ms) {
  linq_call_options options = linq_call_options_default();
  options.cancel = pointer(token);
  options.timeout_ms = (uint32_t)timeout_ms;
  options.attempt = call->observer == NULL ? NULL : on_attempt;
  options.attempt_user_data = call;
  return options;
}

/* Whether a callback has thrown. Then that is pending again, and the call's results are freed. */
static jboolean rethrown(struct call *call, void *result, linq_error *error) {
  if (call->thrown == NULL) return JNI_FALSE;
  linq_free(result);
  linq_free(error);
  (*call->env)->Throw(call->env, call->thrown);
  return JNI_TRUE;
}

/* ---- Clients and tokens ---- */

NATIVE(jobjectArray, clientNew)(JNIEnv *env, jclass class, jbyteArray api_key, jbyteArray base_url, jbyteArray user_agent,
                                jbyteArray ca_file, jbyteArray ca_pem, jbyteArray proxy, jint flags, jint connect_timeout_ms,
                                jint stall_timeout_ms, jint max_attempts) {
  (void)class;
  struct texts texts = {env, NULL};
  linq_client_options options = linq_client_options_default();
  options.api_key = copy(&texts, api_key);
  options.base_url = copy(&texts, base_url);
  options.user_agent = copy(&texts, user_agent);
  options.ca_file = copy(&texts, ca_file);
  options.ca_pem = copy(&texts, ca_pem);
  options.proxy = copy(&texts, proxy);
  options.flags = (uint32_t)flags;
  options.connect_timeout_ms = (uint32_t)connect_timeout_ms;
  options.stall_timeout_ms = (uint32_t)stall_timeout_ms;
  options.max_attempts = (uint32_t)max_attempts;
  linq_client *client = NULL;
  linq_error *error = NULL;
  linq_status status = LINQ_OK;
  if (!(*env)->ExceptionCheck(env)) status = linq_client_new(&options, &client, &error);
  release(&texts);
  if (status != LINQ_OK) return failed(env, status, error);
  jlong numbers[] = {LINQ_OK, (jlong)(intptr_t)client};
  jobjectArray result = reply(env, numbers, COUNT(numbers), NULL, 0);
  if (result == NULL) linq_free(client);
  return result;
}

NATIVE(void, free)(JNIEnv *env, jclass class, jlong handle) {
  (void)env, (void)class;
  linq_free(pointer(handle));
}

NATIVE(jlong, tokenNew)(JNIEnv *env, jclass class) {
  (void)env, (void)class;
  return (jlong)(intptr_t)linq_cancel_token_new();
}

NATIVE(void, tokenCancel)(JNIEnv *env, jclass class, jlong token) {
  (void)env, (void)class;
  linq_cancel_token_cancel(pointer(token));
}

NATIVE(void, networkChanged)(JNIEnv *env, jclass class, jlong client) {
  (void)env, (void)class;
  linq_network_changed(pointer(client));
}

NATIVE(jobjectArray, connect)(JNIEnv *env, jclass class, jlong client, jbyteArray json, jlong token, jint timeout_ms) {
  (void)class;
  struct texts texts = {env, NULL};
  const char *place_json = copy(&texts, json);
  struct call call = {env, NULL, NULL};
  linq_call_options options = call_options(&call, token, timeout_ms);
  linq_presigned *place = NULL;
  linq_error *error = NULL;
  linq_status status = LINQ_OK;
  if (place_json != NULL) status = linq_presigned_parse(place_json, strlen(place_json), &place, &error);
  if (status == LINQ_OK && !(*env)->ExceptionCheck(env)) status = linq_client_connect(pointer(client), place, &options, &error);
  linq_free(place);
  release(&texts);
  return status == LINQ_OK ? done(env) : failed(env, status, error);
}

/* ---- Places ---- */

static jobjectArray presigned_reply(JNIEnv *env, linq_presigned *place) {
  size_t count = 6 + 2 * place->header_count;
  const char **texts = calloc(count, sizeof *texts);
  jobjectArray result = NULL;
  if (texts == NULL) {
    throw_out_of_memory(env);
  } else {
    jlong numbers[] = {LINQ_OK, place->expires_at_ms, (jlong)place->size_bytes};
    texts[0] = place->attachment_id;
    texts[1] = place->upload_url;
    texts[2] = place->download_url;
    texts[3] = place->json;
    texts[4] = place->filename;
    texts[5] = place->content_type;
    for (size_t i = 0; i < place->header_count; i++) {
      texts[6 + 2 * i] = place->headers[i].name;
      texts[7 + 2 * i] = place->headers[i].value;
    }
    result = reply(env, numbers, COUNT(numbers), texts, count);
  }
  free(texts);
  linq_free(place);
  return result;
}

NATIVE(jobjectArray, presign)(JNIEnv *env, jclass class, jlong client, jbyteArray filename, jbyteArray content_type, jlong size,
                              jobject observer, jlong token, jint timeout_ms) {
  (void)class;
  struct texts texts = {env, NULL};
  linq_file file = linq_file_default();
  file.filename = copy(&texts, filename);
  file.content_type = copy(&texts, content_type);
  file.size_bytes = (uint64_t)size;
  struct call call = {env, observer, NULL};
  linq_call_options options = call_options(&call, token, timeout_ms);
  linq_presigned *place = NULL;
  linq_error *error = NULL;
  linq_status status = LINQ_INTERNAL;
  if (!(*env)->ExceptionCheck(env)) status = linq_presign(pointer(client), &file, &options, &place, &error);
  release(&texts);
  if (rethrown(&call, place, error)) return NULL;
  return status == LINQ_OK ? presigned_reply(env, place) : failed(env, status, error);
}

NATIVE(jobjectArray, parse)(JNIEnv *env, jclass class, jbyteArray json) {
  (void)class;
  struct texts texts = {env, NULL};
  const char *text = copy(&texts, json);
  linq_presigned *place = NULL;
  linq_error *error = NULL;
  linq_status status = LINQ_INTERNAL;
  if (text != NULL) status = linq_presigned_parse(text, texts.first->length, &place, &error);
  release(&texts);
  return status == LINQ_OK ? presigned_reply(env, place) : failed(env, status, error);
}

NATIVE(jobjectArray, checkPresigned)(JNIEnv *env, jclass class, jbyteArray json, jint http_status, jbyteArray body) {
  (void)class;
  struct texts texts = {env, NULL};
  const char *content = copy(&texts, body);
  size_t length = content == NULL ? 0 : texts.first->length;
  const char *text = copy(&texts, json);
  linq_presigned *place = NULL;
  linq_error *error = NULL;
  linq_status status = LINQ_INTERNAL;
  if (!(*env)->ExceptionCheck(env)) status = linq_presigned_parse(text, strlen(text), &place, &error);
  if (status == LINQ_OK) status = linq_presigned_check(place, (uint32_t)http_status, content, length, &error);
  linq_free(place);
  release(&texts);
  return status == LINQ_OK ? done(env) : failed(env, status, error);
}

/* ---- Uploads ---- */

/* What the callbacks of an upload need. */
struct upload {
  struct call call;
  jobject callbacks;
  jmethodID progress;
  jmethodID read;
  jmethodID rewind;
  jmethodID renew;
  jbyteArray chunk;
};

static int32_t on_progress(void *user_data, uint64_t sent, uint64_t total) {
  struct upload *upload = user_data;
  JNIEnv *env = upload->call.env;
  (*env)->CallVoidMethod(env, upload->callbacks, upload->progress, (jlong)sent, (jlong)total);
  return keep_thrown(&upload->call);
}

static int64_t on_read(void *user_data, void *buffer, size_t capacity) {
  struct upload *upload = user_data;
  JNIEnv *env = upload->call.env;
  jint most = capacity < CHUNK ? (jint)capacity : CHUNK;
  jint count = (*env)->CallIntMethod(env, upload->callbacks, upload->read, upload->chunk, most);
  if (keep_thrown(&upload->call)) return -1;
  if (count < 0) return 0;
  if (count > most) return -1;
  (*env)->GetByteArrayRegion(env, upload->chunk, 0, count, buffer);
  return keep_thrown(&upload->call) ? -1 : count;
}

static int32_t on_rewind(void *user_data) {
  struct upload *upload = user_data;
  (*upload->call.env)->CallVoidMethod(upload->call.env, upload->callbacks, upload->rewind);
  return keep_thrown(&upload->call);
}

static linq_presigned *on_renew(void *user_data, const linq_presigned *expired) {
  struct upload *upload = user_data;
  JNIEnv *env = upload->call.env;
  jbyteArray json = bytes_of(env, expired->json);
  jbyteArray next = json == NULL ? NULL : (*env)->CallObjectMethod(env, upload->callbacks, upload->renew, json);
  (*env)->DeleteLocalRef(env, json);
  if (keep_thrown(&upload->call) || next == NULL) return NULL;
  struct texts texts = {env, NULL};
  const char *text = copy(&texts, next);
  (*env)->DeleteLocalRef(env, next);
  linq_presigned *place = NULL;
  if (!keep_thrown(&upload->call)) linq_presigned_parse(text, texts.first->length, &place, NULL);
  release(&texts);
  return place;
}

/* FALSE with an exception pending. */
static jboolean find_callbacks(struct upload *upload) {
  JNIEnv *env = upload->call.env;
  if ((*env)->ExceptionCheck(env)) return JNI_FALSE;
  jclass class = (*env)->GetObjectClass(env, upload->callbacks);
  upload->progress = (*env)->GetMethodID(env, class, "progress", "(JJ)V");
  if (upload->progress != NULL) upload->read = (*env)->GetMethodID(env, class, "read", "([BI)I");
  if (upload->read != NULL) upload->rewind = (*env)->GetMethodID(env, class, "rewind", "()V");
  if (upload->rewind != NULL) upload->renew = (*env)->GetMethodID(env, class, "renew", "([B)[B");
  (*env)->DeleteLocalRef(env, class);
  return upload->renew != NULL;
}

/* The number of an open descriptor: a field that every JVM and Android has, under one of two names. */
static jint descriptor_number(JNIEnv *env, jobject descriptor) {
  jclass class = (*env)->GetObjectClass(env, descriptor);
  jfieldID field = (*env)->GetFieldID(env, class, "fd", "I");
  if (field == NULL) {
    (*env)->ExceptionClear(env);
    field = (*env)->GetFieldID(env, class, "descriptor", "I");
  }
  (*env)->DeleteLocalRef(env, class);
  return field == NULL ? -1 : (*env)->GetIntField(env, descriptor, field);
}

/* Bits of `has`. */
enum { HAS_PROGRESS = 1, HAS_REWIND = 2, HAS_RENEW = 4 };

/* FALSE with an exception pending. `origin` is a byte[] for a path, a byte[] or a direct buffer for bytes, or a FileDescriptor. */
static jboolean fill_source(struct texts *texts, struct upload *upload, linq_source *source, jobject origin, jint descriptor,
                            jint has, jbyte **elements) {
  JNIEnv *env = texts->env;
  if ((*env)->ExceptionCheck(env)) return JNI_FALSE;
  jclass bytes = (*env)->FindClass(env, "[B");
  if (bytes == NULL) return JNI_FALSE;
  jboolean is_array = origin != NULL && (*env)->IsInstanceOf(env, origin, bytes);
  (*env)->DeleteLocalRef(env, bytes);
  switch (source->kind) {
    case LINQ_SOURCE_PATH:
      source->path = copy(texts, origin);
      break;
    case LINQ_SOURCE_DESCRIPTOR:
      source->descriptor = (uint32_t)(origin == NULL ? descriptor : descriptor_number(env, origin));
      break;
    case LINQ_SOURCE_BYTES:
      if (is_array) {
        *elements = (*env)->GetByteArrayElements(env, origin, NULL);
        /* Some JVMs only return NULL. */
        if (*elements == NULL && !(*env)->ExceptionCheck(env)) throw_out_of_memory(env);
        source->bytes = *elements == NULL ? NULL : *elements + source->offset;
      } else {
        char *start = (*env)->GetDirectBufferAddress(env, origin);
        source->bytes = start == NULL ? NULL : start + source->offset;
      }
      source->offset = 0;
      break;
    default:
      upload->chunk = (*env)->NewByteArray(env, CHUNK);
      source->read = on_read;
      source->rewind = (has & HAS_REWIND) ? on_rewind : NULL;
      source->user_data = upload;
  }
  return !(*env)->ExceptionCheck(env);
}

static linq_status run(jlong client, const char *json, const linq_source *source, const linq_upload_options *options,
                       linq_attachment **attachment, linq_error **error) {
  if (json == NULL) return linq_upload(pointer(client), source, options, attachment, error);
  linq_presigned *place = NULL;
  linq_status status = linq_presigned_parse(json, strlen(json), &place, error);
  if (status == LINQ_OK) status = linq_upload_presigned(pointer(client), place, source, options, attachment, error);
  linq_free(place);
  return status;
}

static jobjectArray attachment_reply(JNIEnv *env, linq_attachment *attachment) {
  jlong numbers[] = {LINQ_OK, (jlong)attachment->size_bytes, attachment->attempts};
  const char *texts[] = {attachment->attachment_id, attachment->download_url, attachment->filename, attachment->content_type};
  jobjectArray result = reply(env, numbers, COUNT(numbers), texts, COUNT(texts));
  linq_free(attachment);
  return result;
}

NATIVE(jobjectArray, upload)(JNIEnv *env, jclass class, jlong client, jbyteArray json, jint kind, jobject origin, jint descriptor,
                             jlong offset, jlong length, jbyteArray filename, jbyteArray content_type, jobject callbacks, jint has,
                             jobject observer, jlong token, jint timeout_ms) {
  (void)class;
  struct texts texts = {env, NULL};
  struct upload upload = {.call = {env, observer, NULL}, .callbacks = callbacks};
  linq_upload_options options = linq_upload_options_default();
  options.filename = copy(&texts, filename);
  options.content_type = copy(&texts, content_type);
  options.progress = (has & HAS_PROGRESS) ? on_progress : NULL;
  options.user_data = &upload;
  options.renew = (has & HAS_RENEW) ? on_renew : NULL;
  options.renew_user_data = &upload;
  options.attempt = observer == NULL ? NULL : on_attempt;
  options.attempt_user_data = &upload.call;
  options.cancel = pointer(token);
  options.timeout_ms = (uint32_t)timeout_ms;
  linq_source source = linq_source_default();
  source.kind = (uint32_t)kind;
  source.offset = (uint64_t)offset;
  source.length = (uint64_t)length;
  const char *place = copy(&texts, json);
  jbyte *elements = NULL;
  linq_attachment *attachment = NULL;
  linq_error *error = NULL;
  linq_status status = LINQ_INTERNAL;
  if (fill_source(&texts, &upload, &source, origin, descriptor, has, &elements) && find_callbacks(&upload))
    status = run(client, place, &source, &options, &attachment, &error);
  if (elements != NULL) (*env)->ReleaseByteArrayElements(env, origin, elements, JNI_ABORT);
  release(&texts);
  if (rethrown(&upload.call, attachment, error)) return NULL;
  return status == LINQ_OK ? attachment_reply(env, attachment) : failed(env, status, error);
}

/* ---- Attachments ---- */

NATIVE(jobjectArray, attachment)(JNIEnv *env, jclass class, jlong client, jbyteArray id, jobject observer, jlong token,
                                 jint timeout_ms) {
  (void)class;
  struct texts texts = {env, NULL};
  const char *attachment_id = copy(&texts, id);
  struct call call = {env, observer, NULL};
  linq_call_options options = call_options(&call, token, timeout_ms);
  linq_attachment_info *info = NULL;
  linq_error *error = NULL;
  linq_status status = LINQ_INTERNAL;
  if (attachment_id != NULL) status = linq_attachment_get(pointer(client), attachment_id, &options, &info, &error);
  release(&texts);
  if (rethrown(&call, info, error)) return NULL;
  if (status != LINQ_OK) return failed(env, status, error);
  jlong numbers[] = {LINQ_OK, (jlong)info->size_bytes, info->created_at_ms};
  const char *all[] = {info->attachment_id, info->filename, info->content_type, info->download_url, info->status};
  jobjectArray result = reply(env, numbers, COUNT(numbers), all, COUNT(all));
  linq_free(info);
  return result;
}

NATIVE(jobjectArray, deleteAttachment)(JNIEnv *env, jclass class, jlong client, jbyteArray id, jobject observer, jlong token,
                                       jint timeout_ms) {
  (void)class;
  struct texts texts = {env, NULL};
  const char *attachment_id = copy(&texts, id);
  struct call call = {env, observer, NULL};
  linq_call_options options = call_options(&call, token, timeout_ms);
  linq_error *error = NULL;
  linq_status status = LINQ_INTERNAL;
  if (attachment_id != NULL) status = linq_attachment_delete(pointer(client), attachment_id, &options, &error);
  release(&texts);
  if (rethrown(&call, NULL, error)) return NULL;
  return status == LINQ_OK ? done(env) : failed(env, status, error);
}

/* ---- Messages, requests ---- */

NATIVE(jobjectArray, sendMessage)(JNIEnv *env, jclass class, jlong client, jbyteArray from, jobjectArray to, jbyteArray text,
                                  jobjectArray attachment_ids, jbyteArray idempotency_key, jobject observer, jlong token,
                                  jint timeout_ms) {
  (void)class;
  struct texts texts = {env, NULL};
  linq_message message = linq_message_default();
  message.from = copy(&texts, from);
  message.text = copy(&texts, text);
  message.idempotency_key = copy(&texts, idempotency_key);
  const char **recipients = copy_all(&texts, to, &message.to_count);
  const char **ids = copy_all(&texts, attachment_ids, &message.attachment_count);
  message.to = recipients;
  message.attachment_ids = ids;
  struct call call = {env, observer, NULL};
  linq_call_options options = call_options(&call, token, timeout_ms);
  linq_receipt *receipt = NULL;
  linq_error *error = NULL;
  linq_status status = LINQ_INTERNAL;
  if (!(*env)->ExceptionCheck(env)) status = linq_send_message(pointer(client), &message, &options, &receipt, &error);
  free(recipients);
  free(ids);
  release(&texts);
  if (rethrown(&call, receipt, error)) return NULL;
  if (status != LINQ_OK) return failed(env, status, error);
  jlong numbers[] = {LINQ_OK};
  const char *all[] = {receipt->chat_id, receipt->message_id, receipt->idempotency_key};
  jobjectArray result = reply(env, numbers, COUNT(numbers), all, COUNT(all));
  linq_free(receipt);
  return result;
}

NATIVE(jobjectArray, sendRequest)(JNIEnv *env, jclass class, jlong client, jbyteArray method, jbyteArray path, jbyteArray json,
                                  jbyteArray idempotency_key, jint flags, jobject observer, jlong token, jint timeout_ms) {
  (void)class;
  struct texts texts = {env, NULL};
  linq_request request = linq_request_default();
  request.method = copy(&texts, method);
  request.path = copy(&texts, path);
  request.json = copy(&texts, json);
  request.idempotency_key = copy(&texts, idempotency_key);
  request.flags = (uint32_t)flags;
  struct call call = {env, observer, NULL};
  linq_call_options options = call_options(&call, token, timeout_ms);
  linq_response *response = NULL;
  linq_error *error = NULL;
  linq_status status = LINQ_INTERNAL;
  if (!(*env)->ExceptionCheck(env)) status = linq_send_request(pointer(client), &request, &options, &response, &error);
  release(&texts);
  if (rethrown(&call, response, error)) return NULL;
  if (status != LINQ_OK) return failed(env, status, error);
  jlong numbers[] = {LINQ_OK, response->http_status};
  const char *all[] = {response->json, response->trace_id};
  jobjectArray result = reply(env, numbers, COUNT(numbers), all, COUNT(all));
  linq_free(response);
  return result;
}

/* ---- What needs no client ---- */

NATIVE(jbyteArray, contentType)(JNIEnv *env, jclass class, jbyteArray name, jbyteArray bytes) {
  (void)class;
  struct texts texts = {env, NULL};
  const char *content = copy(&texts, bytes);
  size_t length = content == NULL ? 0 : texts.first->length;
  const char *path = copy(&texts, name);
  const char *type = (*env)->ExceptionCheck(env) ? NULL : linq_content_type(path, content, length);
  release(&texts);
  return (*env)->ExceptionCheck(env) ? NULL : bytes_of(env, type);
}

/* ---- The log ---- */

/* The JVM that loaded this, and linq.Native there: weak, so that its class loader can go. */
static JavaVM *vm;
static jweak native_class;

JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM *loading, void *reserved) {
  (void)reserved;
  JNIEnv *env = NULL;
  if ((*loading)->GetEnv(loading, (void **)&env, JNI_VERSION_1_6) != JNI_OK) return JNI_ERR;
  jclass class = (*env)->FindClass(env, "linq/Native");
  if (class == NULL) return JNI_ERR;
  vm = loading;
  native_class = (*env)->NewWeakGlobalRef(env, class);
  (*env)->DeleteLocalRef(env, class);
  return JNI_VERSION_1_6;
}

/* The library stays loaded when its class loader has gone. */
JNIEXPORT void JNICALL JNI_OnUnload(JavaVM *unloading, void *reserved) {
  (void)unloading, (void)reserved;
  linq_set_log(NULL, NULL, 0);
}

/* Log lines come from threads that are in a call, so the JVM has them. An exception that is pending there stays so. */
static void on_log(void *user_data, uint32_t level, const char *line) {
  (void)user_data;
  JNIEnv *env = NULL;
  if ((*vm)->GetEnv(vm, (void **)&env, JNI_VERSION_1_6) != JNI_OK) return;
  jthrowable pending = (*env)->ExceptionOccurred(env);
  (*env)->ExceptionClear(env);
  jclass class = (*env)->NewLocalRef(env, native_class);
  jmethodID method = class == NULL ? NULL : (*env)->GetStaticMethodID(env, class, "log", "(I[B)V");
  jbyteArray text = method == NULL ? NULL : bytes_of(env, line);
  if (text != NULL) (*env)->CallStaticVoidMethod(env, class, method, (jint)level, text);
  (*env)->DeleteLocalRef(env, text);
  (*env)->DeleteLocalRef(env, class);
  /* Native.log throws nothing; what is pending here is that there was no memory for it. */
  (*env)->ExceptionClear(env);
  if (pending != NULL) (*env)->Throw(env, pending);
  (*env)->DeleteLocalRef(env, pending);
}

NATIVE(jint, setLog)(JNIEnv *env, jclass class, jint level) {
  (void)env, (void)class;
  return linq_set_log(level == 0 ? NULL : on_log, NULL, (uint32_t)level);
}

/* ---- Names ---- */

NATIVE(jbyteArray, statusName)(JNIEnv *env, jclass class, jint status) {
  (void)class;
  return bytes_of(env, linq_status_name(status));
}

NATIVE(jbyteArray, version)(JNIEnv *env, jclass class) {
  (void)class;
  return bytes_of(env, linq_version());
}

package linq

import java.io.Closeable
import java.io.File
import java.nio.ByteBuffer
import java.nio.file.Path
import kotlin.coroutines.ContinuationInterceptor
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.buffer
import kotlinx.coroutines.flow.channelFlow
import kotlinx.coroutines.runBlocking

/**
 * A client: holds the API key, the settings and the pooled connections. May be used from any thread at the same time; one per
 * process is usually enough.
 *
 * Its functions suspend and never block. Cancelling the coroutine ends a call within about 10 ms, whatever it is doing. At most 64
 * calls run at a time; further ones wait for their turn. They throw [LinqException]. In Java, use [blocking] or [futures].
 */
public class LinqClient internal constructor(
    private val client: ClientHandle,
    private val observer: AttemptCallback?,
) : AutoCloseable {
    /**
     * Makes a client. Nothing is sent. What is `null` has its default.
     *
     * @param apiKey the partner's API key; `null`: from LINQ_API_V3_API_KEY. A client without any key can still upload presigned.
     *     Do not ship it inside an app
     * @param baseUrl where the API is; `null`: from LINQ_API_V3_BASE_URL, else Linq's own
     * @param userAgent appended to the library's own User-Agent, such as "MyApp/2.1"
     * @param caFile a file of PEM certificates to trust in addition to the platform's
     * @param caPem the same as text
     * @param proxy `http://[user:password@]host:port`; `null`: from the environment; empty: no proxy
     * @param usesEnvironment whether what is not set is taken from the environment
     * @param allowsWebpAndSvg allows WebP and SVG, on which Linq's own documents contradict each other
     * @param allowsHttpLoopback accepts presigned URLs of plain http if their host is loopback; for tests
     * @param connectTimeout limits the DNS lookup, the connection and the TLS handshake together; `null`: 10 seconds
     * @param stallTimeout how long a connection may transfer nothing; `null`: 30 seconds
     * @param maxAttempts how many attempts to make in all; 1: no retries; `null`: 4
     * @param onAttempt called after each request of the client's calls, for metrics
     * @throws LinqException a setting has an invalid value
     */
    public constructor(
        apiKey: String? = null,
        baseUrl: String? = null,
        userAgent: String? = null,
        caFile: File? = null,
        caPem: String? = null,
        proxy: String? = null,
        usesEnvironment: Boolean = true,
        allowsWebpAndSvg: Boolean = false,
        allowsHttpLoopback: Boolean = false,
        connectTimeout: Duration? = null,
        stallTimeout: Duration? = null,
        maxAttempts: Int? = null,
        onAttempt: AttemptListener? = null,
    ) : this(
        ClientHandle(
            ClientSettings(
                apiKey, baseUrl, userAgent, caFile, caPem, proxy, usesEnvironment, allowsWebpAndSvg, allowsHttpLoopback, connectTimeout,
                stallTimeout, maxAttempts,
            )::open,
        ).apply { make() },
        onAttempt?.let(::AttemptCallback),
    )

    /** Uploads from any source, so that messages can use it: reserves a place and sends the bytes, with retries where they help. */
    public suspend fun upload(source: UploadSource, options: UploadOptions = UploadOptions()): LinqAttachment =
        upload(null, source, options, null)

    /** Uploads a file on disk. */
    public suspend fun upload(file: File, options: UploadOptions = UploadOptions()): LinqAttachment =
        upload(UploadSource.of(file), options)

    /** Uploads a file on disk. Android 8 (API 26) and later. */
    public suspend fun upload(path: Path, options: UploadOptions = UploadOptions()): LinqAttachment =
        upload(UploadSource.of(path), options)

    /** Uploads bytes in memory, which [UploadOptions.filename] gives a name. */
    public suspend fun upload(bytes: ByteArray, options: UploadOptions): LinqAttachment = upload(UploadSource.of(bytes), options)

    /** Uploads the remaining bytes of a buffer; a direct one is not copied. */
    public suspend fun upload(buffer: ByteBuffer, options: UploadOptions): LinqAttachment = upload(UploadSource.of(buffer), options)

    /**
     * Uploads to a place that was reserved elsewhere. Needs no API key, and sends none.
     *
     * @param renew asks your server for another place, for the same name, size and type, when this one has expired; the upload then
     *     goes on. It may return `null`: there is none. Cancelling the upload cancels it, and what it throws comes out of the call
     * @throws LinqException.Expired the place is no longer open, and was not renewed
     */
    public suspend fun uploadPresigned(
        presigned: Presigned, source: UploadSource, options: UploadOptions = UploadOptions(),
        renew: (suspend (expired: Presigned) -> Presigned?)? = null,
    ): LinqAttachment = upload(presigned, source, options, renew)

    /** Uploads when it is collected. Progress that the collector is too slow for is left out; [UploadEvent.Finished] is not. */
    public fun uploadEvents(source: UploadSource, options: UploadOptions = UploadOptions()): Flow<UploadEvent> =
        events(null, source, options, null)

    /** The same for a place that was reserved elsewhere. */
    public fun uploadPresignedEvents(
        presigned: Presigned, source: UploadSource, options: UploadOptions = UploadOptions(),
        renew: (suspend (expired: Presigned) -> Presigned?)? = null,
    ): Flow<UploadEvent> = events(presigned, source, options, renew)

    /** Reserves a place for a file of exactly [size] bytes that somebody else will upload. It is open for about 15 minutes. */
    public suspend fun presign(
        filename: String, size: Long, contentType: String? = null, timeout: Duration? = null,
    ): Presigned {
        val name = filename.utf8("filename")
        val type = contentType?.utf8("contentType")
        size.unsigned("size")
        return call(timeout) { client, token, limit ->
            Presigned(Reply(Native.presign(client, name, type, size, observer, token, limit)))
        }
    }

    /** Opens a connection now and keeps it, so that the next call need not wait for one: to Linq, or to the storage of a place. */
    public suspend fun connect(presigned: Presigned? = null, timeout: Duration? = null) {
        val json = presigned?.json?.utf8("presigned")
        call(timeout) { client, token, limit -> Reply(Native.connect(client, json, token, limit)) }
    }

    /**
     * Tells the library that the network changed: from Wi-Fi to mobile, a VPN that came or went, a device that woke up. Closes idle
     * connections, and running uploads go on over the new network. A false alarm costs next to nothing. Never blocks; any thread. A
     * closed client ignores it.
     */
    public fun networkChanged() {
        client.useIfThere { Native.networkChanged(it) }
    }

    /** Asks what Linq knows of an attachment. */
    public suspend fun attachment(id: String, timeout: Duration? = null): LinqAttachmentInfo {
        val bytes = id.utf8("id")
        return call(timeout) { client, token, limit ->
            LinqAttachmentInfo(Reply(Native.attachment(client, bytes, observer, token, limit)))
        }
    }

    /** Deletes an attachment permanently. Messages stay, but lose it. */
    public suspend fun deleteAttachment(id: String, timeout: Duration? = null) {
        val bytes = id.utf8("id")
        call(timeout) { client, token, limit -> Reply(Native.deleteAttachment(client, bytes, observer, token, limit)) }
    }

    /** Sends a message. After a failure, send again with [LinqException.idempotencyKey]: it may have arrived. */
    public suspend fun sendMessage(message: LinqMessage, timeout: Duration? = null): LinqReceipt {
        val from = message.from.utf8("from")
        val to = message.to.utf8("to")
        val text = message.text?.utf8("text")
        val ids = message.attachmentIds.utf8("attachmentIds")
        val key = message.idempotencyKey?.utf8("idempotencyKey")
        return call(timeout) { client, token, limit ->
            val reply = Reply(Native.sendMessage(client, from, to, text, ids, key, observer, token, limit))
            LinqReceipt(reply.required(0), reply.text(1), reply.required(2))
        }
    }

    /** Makes any other call of the API below /v3/, with the key, the limits and the errors of every other call. */
    public suspend fun sendRequest(request: LinqRequest, timeout: Duration? = null): LinqResponse {
        val method = request.method.utf8("method")
        val path = request.path.utf8("path")
        val json = request.json?.utf8("json")
        val key = request.idempotencyKey?.utf8("idempotencyKey")
        val flags = if (request.isRepeatable) Native.REQUEST_REPEATABLE else 0
        return call(timeout) { client, token, limit ->
            val reply = Reply(Native.sendRequest(client, method, path, json, key, flags, observer, token, limit))
            LinqResponse(reply.text(0), reply.text(1), reply.number(0).toInt())
        }
    }

    /** For Java: the same as blocking calls, which [Thread.interrupt] ends. */
    public fun blocking(): BlockingLinqClient = BlockingLinqClient(this)

    /** For Java: the same as CompletableFutures, whose cancel ends the call. Android 7 (API 24) and later. */
    public fun futures(): FutureLinqClient = FutureLinqClient(this)

    /** Releases the client when the calls that use it have ended. Calls that start later throw [IllegalStateException]. */
    override fun close(): Unit = client.close()

    private suspend fun <T : Any> call(
        timeout: Duration?, prepare: () -> Closeable? = { makeClient() }, body: (client: Long, token: Long, limit: Int) -> T,
    ): T = onThread(timeout, prepare) { token, limit -> client.use { body(it, token, limit) } }

    private fun makeClient(): Closeable? {
        client.make()
        return null
    }

    private suspend fun upload(
        place: Presigned?, source: UploadSource, options: UploadOptions, renew: (suspend (Presigned) -> Presigned?)?,
    ): LinqAttachment {
        val json = place?.json?.utf8("presigned")
        val filename = options.filename?.utf8("filename")
        val type = options.contentType?.utf8("contentType")
        // A child of this coroutine, with all that is in its context, but on the thread of the call. What it throws must not cancel
        // this coroutine.
        val context = currentCoroutineContext().minusKey(ContinuationInterceptor) + WithinCall
        val onRenew = renew?.let { { expired: Presigned -> runBlocking(context) { runCatching { it(expired) } }.getOrThrow() } }
        var opened = source
        val prepare = {
            makeClient()
            source.prepare?.let { opened = it() }
            opened.resource
        }
        return call(options.timeout, prepare) { client, token, limit ->
            val has = (if (options.onProgress != null) Native.HAS_PROGRESS else 0) or
                (if (opened.canRewind) Native.HAS_REWIND else 0) or (if (renew != null) Native.HAS_RENEW else 0)
            UploadCallbacks(options.onProgress, opened.open, onRenew).use { callbacks ->
                LinqAttachment(
                    Reply(
                        Native.upload(
                            client, json, opened.kind, opened.origin, opened.descriptor, opened.offset.unsigned("offset"),
                            opened.length.unsigned("length"), filename ?: opened.filename?.utf8("filename"), type, callbacks, has,
                            observer, token, limit,
                        ),
                    ),
                )
            }
        }
    }

    private fun events(
        place: Presigned?, source: UploadSource, options: UploadOptions, renew: (suspend (Presigned) -> Presigned?)?,
    ): Flow<UploadEvent> = channelFlow {
        val listener = ProgressListener { progress ->
            options.onProgress?.onProgress(progress)
            trySend(UploadEvent.Progress(progress))
        }
        val mine = UploadOptions(options.filename, options.contentType, options.timeout, listener)
        send(UploadEvent.Finished(upload(place, source, mine, renew)))
    }.buffer(Channel.CONFLATED)

    /** Makes a client in Java; see the constructor for what each setting is. */
    public class Builder {
        private var apiKey: String? = null
        private var baseUrl: String? = null
        private var userAgent: String? = null
        private var caFile: File? = null
        private var caPem: String? = null
        private var proxy: String? = null
        private var usesEnvironment = true
        private var allowsWebpAndSvg = false
        private var allowsHttpLoopback = false
        private var connectTimeout: Duration? = null
        private var stallTimeout: Duration? = null
        private var maxAttempts: Int? = null
        private var onAttempt: AttemptListener? = null

        /** The partner's API key. */
        public fun apiKey(key: String): Builder = apply { apiKey = key }

        /** Where the API is. */
        public fun baseUrl(url: String): Builder = apply { baseUrl = url }

        /** Appended to the library's own User-Agent. */
        public fun userAgent(name: String): Builder = apply { userAgent = name }

        /** A file of PEM certificates to trust in addition to the platform's. */
        public fun caFile(file: File): Builder = apply { caFile = file }

        /** PEM certificates to trust in addition to the platform's. */
        public fun caPem(pem: String): Builder = apply { caPem = pem }

        /** The proxy; empty: none. */
        public fun proxy(url: String): Builder = apply { proxy = url }

        /** Whether what is not set is taken from the environment. */
        public fun usesEnvironment(uses: Boolean): Builder = apply { usesEnvironment = uses }

        /** Allows WebP and SVG. */
        public fun allowsWebpAndSvg(allows: Boolean): Builder = apply { allowsWebpAndSvg = allows }

        /** Accepts presigned URLs of plain http to loopback; for tests. */
        public fun allowsHttpLoopback(allows: Boolean): Builder = apply { allowsHttpLoopback = allows }

        /** Limits the DNS lookup, the connection and the TLS handshake together. */
        public fun connectTimeoutMillis(limit: Long): Builder = apply { connectTimeout = limit.milliseconds }

        /** How long a connection may transfer nothing. */
        public fun stallTimeoutMillis(limit: Long): Builder = apply { stallTimeout = limit.milliseconds }

        /** How many attempts to make in all. */
        public fun maxAttempts(count: Int): Builder = apply { maxAttempts = count }

        /** Called after each request of the client's calls, for metrics. */
        public fun onAttempt(listener: AttemptListener): Builder = apply { onAttempt = listener }

        /** The client. */
        @Throws(LinqException::class)
        public fun build(): LinqClient = LinqClient(ClientHandle(settings()::open).apply { make() }, observer())

        internal fun settings() = ClientSettings(
            apiKey, baseUrl, userAgent, caFile, caPem, proxy, usesEnvironment, allowsWebpAndSvg, allowsHttpLoopback, connectTimeout,
            stallTimeout, maxAttempts,
        )

        internal fun observer() = onAttempt?.let(::AttemptCallback)
    }

    public companion object {
        /** For Java: `LinqClient.builder().apiKey(key).build()`. */
        @JvmStatic
        public fun builder(): Builder = Builder()

        /**
         * The content type that an upload would declare, from the name, the first bytes, or both; `null` if there is none that
         * Linq accepts. Nothing is opened or read.
         */
        @JvmStatic
        @JvmOverloads
        public fun contentType(name: String?, bytes: ByteArray? = null): String? =
            Native.contentType(name?.replace('\u0000', '\uFFFD')?.encodeToByteArray(), bytes)?.decodeToString()

        /**
         * Sets who receives the library's log lines up to a level, in the whole process. None by default. No line contains a
         * secret, at any level. Returns once no thread is in the old listener any more.
         *
         * @param listener `null`: none; [level] is ignored
         * @throws LinqException.InvalidArgument it was called from inside a log listener
         */
        @JvmStatic
        @Throws(LinqException::class)
        public fun setLog(level: LinqLogLevel, listener: LinqLogListener?): Unit = Log.set(level, listener)

        /** The version of liblinq. */
        @JvmStatic
        public val version: String get() = Native.version().decodeToString()
    }
}

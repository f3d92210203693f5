package linq

import java.io.File
import kotlin.time.Duration

/** The settings of a client; see the constructor of [LinqClient]. */
internal class ClientSettings(
    private val apiKey: String? = null,
    private val baseUrl: String? = null,
    private val userAgent: String? = null,
    private val caFile: File? = null,
    private val caPem: String? = null,
    private val proxy: String? = null,
    private val usesEnvironment: Boolean = true,
    private val allowsWebpAndSvg: Boolean = false,
    private val allowsHttpLoopback: Boolean = false,
    private val connectTimeout: Duration? = null,
    private val stallTimeout: Duration? = null,
    private val maxAttempts: Int? = null,
) {
    fun open(): Long = open("")

    /** Makes a linq_client that also trusts [more] PEM certificates. */
    fun open(more: String): Long {
        if (maxAttempts != null && maxAttempts < 1) {
            throw LinqException.invalidArgument("maxAttempts is $maxAttempts; it is 1 or more")
        }
        val flags = (if (usesEnvironment) 0 else Native.CLIENT_NO_ENVIRONMENT) or
            (if (allowsWebpAndSvg) Native.CLIENT_ALLOW_WEBP_SVG else 0) or
            (if (allowsHttpLoopback) Native.CLIENT_ALLOW_HTTP_LOOPBACK else 0)
        val pem = if (more.isEmpty()) caPem else "${caPem.orEmpty()}\n$more"
        val reply = Native.clientNew(
            apiKey?.utf8("apiKey"), baseUrl?.utf8("baseUrl"), userAgent?.utf8("userAgent"), caFile?.path?.utf8("caFile"),
            pem?.utf8("caPem"), proxy?.utf8("proxy"), flags, milliseconds(connectTimeout), milliseconds(stallTimeout),
            maxAttempts ?: 0,
        )
        return Reply(reply).number(0)
    }
}

/** A linq_client: made by [make] or by the first call, freed when it was closed and no call uses it. */
internal class ClientHandle(private val open: () -> Long) {
    private val making = Any()
    private var handle = 0L
    private var users = 0
    private var isClosed = false

    /** Several calls may come at once: one opens it, the others wait. */
    fun make(): Unit = synchronized(making) {
        if (synchronized(this) { handle != 0L || isClosed }) return
        val made = open()
        synchronized(this) {
            handle = made
            freeIfUnused()
        }
    }

    fun <T : Any> use(body: (Long) -> T): T {
        make()
        return checkNotNull(useIfThere(body)) { "this LinqClient is closed" }
    }

    fun <T : Any> useIfThere(body: (Long) -> T): T? {
        synchronized(this) {
            if (isClosed || handle == 0L) return null
            users++
        }
        try {
            return body(handle)
        } finally {
            synchronized(this) {
                users--
                freeIfUnused()
            }
        }
    }

    fun close(): Unit = synchronized(this) {
        if (!isClosed) {
            isClosed = true
            freeIfUnused()
        }
    }

    private fun freeIfUnused() {
        if (isClosed && users == 0 && handle != 0L) Native.free(handle)
    }
}

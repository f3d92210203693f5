package linq

/** What one request took and how it ended, for metrics. Holds no secret. Passed to [AttemptListener]. */
public data class LinqAttempt(
    /** The step of the call that the request belongs to. */
    val step: Step,
    /**
     * The number of the attempt within the call, from 1. A request whose pooled connection turns out to be dead is sent again at
     * once, under the same number.
     */
    val number: Int,
    /** The host that it was sent to. */
    val host: String,
    /** Linq's trace id, or the storage host's request id. `null`: none. */
    val requestId: String?,
    /** 0 if it succeeded, else how it failed: [LinqException.status]. */
    val status: Int,
    /** The HTTP status. `null`: there was no response. */
    val httpStatus: Int?,
    /** Why it failed, as a sentence for people. `null`: it succeeded. */
    val reason: String?,
    /** How long until the next attempt, in milliseconds. 0: there is none, or it is made at once. */
    val againInMillis: Long,
    /** Whether the connection was open already. */
    val isReused: Boolean,
    /** How many bytes were sent for it on the wire, including heads, TLS and a proxy's part. */
    val bytesSent: Long,
    /** How many bytes were received. */
    val bytesReceived: Long,
    /** How long it took, by parts. */
    val times: Times,
) {
    internal constructor(reply: Reply) : this(
        Step.entries[reply.number(10).toInt() - 1], reply.number(11).toInt(), reply.required(0), reply.text(1),
        reply.number(13).toInt(), reply.number(12).toInt().takeIf { it != 0 }, reply.text(2), reply.number(15),
        reply.number(14) != 0L, reply.number(0), reply.number(1),
        Times(
            reply.number(2), reply.number(3), reply.number(4), reply.number(5), reply.number(6), reply.number(7), reply.number(8),
            reply.number(9),
        ),
    )

    /** The name of [status] in linq.h, such as "LINQ_OK". */
    val statusName: String get() = Native.statusName(status).decodeToString()

    /** The steps of a call. */
    public enum class Step {
        /** Reserving a place. */
        RESERVE,

        /** Uploading the bytes. */
        PUT,

        /** Any other request. */
        OTHER,
    }

    /**
     * Consecutive parts, in microseconds, which add up to [total]; each is rounded down. A part that did not take place is 0: all
     * from [lookup] to [tls] if the connection was open already.
     */
    public data class Times(
        /** Looking up the name. */
        val lookup: Long,
        /** Connecting. */
        val connect: Long,
        /** Asking a proxy for a tunnel. */
        val proxy: Long,
        /** The TLS handshake. */
        val tls: Long,
        /** From the first byte of the request until the system took its last. */
        val send: Long,
        /** From there until the head of the response had arrived. */
        val wait: Long,
        /** The rest of the response. */
        val receive: Long,
        /** All of it. */
        val total: Long,
    )
}

/** Receives what each request of a client took: enough for metrics. */
public fun interface AttemptListener {
    /**
     * Called after each request, once it is known how it ended, on a thread of the library and within the call: be quick. What it
     * throws comes out of the call when that has ended.
     */
    public fun onAttempt(attempt: LinqAttempt)
}

/** What linq_jni.c calls, by this name. */
internal class AttemptCallback(private val listener: AttemptListener) {
    fun attempt(items: Array<Any?>) = listener.onAttempt(LinqAttempt(Reply(items)))
}

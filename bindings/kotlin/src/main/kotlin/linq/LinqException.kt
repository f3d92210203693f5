package linq

import java.io.IOException
import kotlin.coroutines.cancellation.CancellationException
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds

/**
 * What failed, on what, why, and what to do about it. Holds no secret.
 *
 * The subclass is the kind of failure, one for each status of linq.h. A call that was cancelled throws a
 * [CancellationException] instead. The wording of [message] may change: decide by the other properties.
 */
public sealed class LinqException private constructor(failure: Failure) : IOException(failure.message) {
    /** The number of the kind, as in linq.h. */
    public val status: Int = failure.status

    /** The HTTP status of the refusal. `null`: none. */
    public val httpStatus: Int? = failure.httpStatus

    /** Linq's own error code, such as 1007. `null`: none. */
    public val apiCode: Int? = failure.apiCode

    /** How long the server asked to wait before the next attempt, in milliseconds. `null`: it did not say. */
    public val retryAfterMillis: Long? = failure.retryAfterMillis

    /** How many attempts were made, including the last. 0: it failed before the first. */
    public val attempts: Int = failure.attempts

    /** Whether the same call may succeed later without a change. */
    public val isRetryable: Boolean = failure.isRetryable

    /** The errno of what failed, such as 2 for ENOENT. `null`: none. */
    public val systemError: Int? = failure.systemError

    /** The storage host's own error code, such as "SignatureDoesNotMatch". `null`: none. */
    public val storageCode: String? = failure.texts.getOrNull(1)

    /** The storage host's request id, for its support. `null`: none. */
    public val storageRequestId: String? = failure.texts.getOrNull(2)

    /** The storage host's second id (x-amz-id-2), for its support too. `null`: none. */
    public val storageId2: String? = failure.texts.getOrNull(3)

    /** Linq's documentation page for [apiCode]. `null`: none. */
    public val docUrl: String? = failure.texts.getOrNull(4)

    /** Linq's trace id, for its support. `null`: none. */
    public val traceId: String? = failure.texts.getOrNull(5)

    /** The attachment that had been reserved when the call failed. `null`: none. */
    public val attachmentId: String? = failure.texts.getOrNull(6)

    /**
     * The idempotency key of a message or request that may have been sent although the call failed. Send again with this key,
     * and it is not sent twice. `null`: there was no key, nothing was sent, or Linq refused it.
     */
    public val idempotencyKey: String? = failure.texts.getOrNull(7)

    /** The name of the kind in linq.h, such as "LINQ_TIMEOUT". */
    public val statusName: String get() = Native.statusName(status).decodeToString()

    /** [retryAfterMillis] as a [Duration]. */
    public val retryAfter: Duration? get() = retryAfterMillis?.milliseconds

    /** An argument is invalid; the message names it. Nothing was done. */
    public class InvalidArgument internal constructor(failure: Failure) : LinqException(failure)

    /** The source cannot be opened or read, is not a regular file, changed while being sent, or has another size than declared. */
    public class FileFailed internal constructor(failure: Failure) : LinqException(failure)

    /** A content type, size or name that Linq would refuse; found before anything was sent. */
    public class Unsupported internal constructor(failure: Failure) : LinqException(failure)

    /** The host name was not found, or the connection could not be made or was lost. */
    public class Network internal constructor(failure: Failure) : LinqException(failure)

    /** The TLS handshake failed, or the server's certificate is not trusted. */
    public class Tls internal constructor(failure: Failure) : LinqException(failure)

    /** Connecting took too long, the transfer stalled for too long, or the timeout has passed. */
    public class Timeout internal constructor(failure: Failure) : LinqException(failure)

    /** There is no API key, or Linq does not accept it. */
    public class Unauthorized internal constructor(failure: Failure) : LinqException(failure)

    /** The object does not exist, or belongs to another account. An attachment may have been removed; upload it again. */
    public class NotFound internal constructor(failure: Failure) : LinqException(failure)

    /** Linq asks to slow down; see [retryAfter]. */
    public class RateLimited internal constructor(failure: Failure) : LinqException(failure)

    /** Any other refusal by Linq; see [httpStatus] and [apiCode]. */
    public class Api internal constructor(failure: Failure) : LinqException(failure)

    /** Any other refusal by the storage host; see [httpStatus] and [storageCode]. */
    public class Storage internal constructor(failure: Failure) : LinqException(failure)

    /** The presigned URL has expired and cannot be renewed. Ask your server for a new place. */
    public class Expired internal constructor(failure: Failure) : LinqException(failure)

    /** The server broke its contract. Also a web page instead of an answer, as captive portals send. */
    public class Protocol internal constructor(failure: Failure) : LinqException(failure)

    /** Out of memory, or of descriptors. */
    public class NoMemory internal constructor(failure: Failure) : LinqException(failure)

    /** A bug in liblinq. The process may go on. */
    public class Internal internal constructor(failure: Failure) : LinqException(failure)

    /** The numbers and texts of a linq_error. */
    internal class Failure(numbers: LongArray, val texts: List<String?>) {
        val status = numbers[0].toInt()
        val httpStatus = numbers[1].toInt().takeIf { it != 0 }
        val apiCode = numbers[2].toInt().takeIf { it != 0 }
        val retryAfterMillis = numbers[3].takeIf { it != 0L }
        val attempts = numbers[4].toInt()
        val isRetryable = numbers[5] != 0L
        val systemError = numbers[6].toInt().takeIf { it != 0 }
        val message = texts.firstOrNull().orEmpty()
    }

    internal companion object {
        /** linq_error's numbers and texts, in the order of linq_jni.c. */
        fun of(numbers: LongArray, texts: List<String?>): Exception {
            val failure = Failure(numbers, texts)
            return when (failure.status) {
                1 -> InvalidArgument(failure)
                2 -> FileFailed(failure)
                3 -> Unsupported(failure)
                4 -> Network(failure)
                5 -> Tls(failure)
                6 -> Timeout(failure)
                7 -> CancellationException(failure.message)
                8 -> Unauthorized(failure)
                9 -> NotFound(failure)
                10 -> RateLimited(failure)
                11 -> Api(failure)
                12 -> Storage(failure)
                13 -> Expired(failure)
                14 -> Protocol(failure)
                15 -> NoMemory(failure)
                else -> Internal(failure)
            }
        }

        fun invalidArgument(message: String) = of(longArrayOf(1, 0, 0, 0, 0, 0, 0), listOf(message))

        fun timeout(message: String) = of(longArrayOf(6, 0, 0, 0, 0, 1, 0), listOf(message))

        fun noMemory(message: String) = of(longArrayOf(15, 0, 0, 0, 0, 0, 0), listOf(message))
    }
}

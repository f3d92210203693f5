package linq

import java.io.Closeable
import java.io.InputStream

/** What linq_jni.c calls during an upload, by these names, on the thread of the call. */
internal class UploadCallbacks(
    private val onProgress: ProgressListener?,
    private val open: (() -> InputStream)?,
    private val onRenew: ((expired: Presigned) -> Presigned?)?,
) : Closeable {
    private var stream: InputStream? = null

    fun progress(sent: Long, total: Long) {
        onProgress?.onProgress(UploadProgress(sent, total))
    }

    /** Reads up to [most] bytes, at least one. Returns how many; -1 at the end. */
    fun read(chunk: ByteArray, most: Int): Int {
        val stream = stream ?: open!!().also { stream = it }
        val count = stream.read(chunk, 0, most)
        if (count != 0) return count
        // Some streams return 0 against their contract. This function waits for a byte.
        val byte = stream.read()
        if (byte < 0) return -1
        chunk[0] = byte.toByte()
        return 1
    }

    /** The next [read] opens it again. */
    fun rewind() {
        val open = stream
        stream = null
        open?.close()
    }

    /** Another place for an expired one, both as JSON; `null`: there is none. */
    fun renew(expired: ByteArray): ByteArray? =
        onRenew?.invoke(Presigned.parse(expired.decodeToString()))?.json?.encodeToByteArray()

    override fun close(): Unit = rewind()
}

package linq

import java.io.Closeable
import java.io.File
import java.io.FileDescriptor
import java.io.IOException
import java.io.InputStream
import java.nio.ByteBuffer
import java.nio.channels.FileChannel
import java.nio.file.Path

/**
 * Where the bytes of an upload come from: 1 to 104 857 600 of them. A source without a file name needs [UploadOptions.filename].
 *
 * What it was made of must stay open and unchanged until the upload has ended.
 */
public class UploadSource internal constructor(
    internal val kind: Int,
    internal val origin: Any?,
    internal val offset: Long,
    internal val length: Long,
    internal val open: (() -> InputStream)? = null,
    internal val canRewind: Boolean = false,
    /** The number of an open file, where [origin] is not one. */
    internal val descriptor: Int = -1,
    /** Where the name is known: for a call whose options have none. */
    internal val filename: String? = null,
    /** Closed when the call has ended. */
    internal val resource: Closeable? = null,
    /** For a source that may fail or takes a while to open: opens it for one call, on the thread of the call. */
    internal val prepare: (() -> UploadSource)? = null,
) {
    public companion object {
        /** A file on disk. */
        @JvmStatic
        public fun of(file: File): UploadSource = path(file.path)

        /** A file on disk, of the default file system. Android 8 (API 26) and later. */
        @JvmStatic
        public fun of(path: Path): UploadSource = path(path.toFile().path)

        /**
         * Bytes in memory, or [length] of them from [offset]. They are copied once for the call; a direct [ByteBuffer] is not.
         */
        @JvmStatic
        @JvmOverloads
        public fun of(bytes: ByteArray, offset: Int = 0, length: Int = bytes.size - offset): UploadSource {
            if (offset < 0 || length < 0 || length > bytes.size - offset) {
                throw IndexOutOfBoundsException("offset $offset and length $length are not within ${bytes.size} bytes")
            }
            return UploadSource(Native.SOURCE_BYTES, bytes, offset.toLong(), length.toLong())
        }

        /** The remaining bytes of a buffer, whose position stays as it is. A direct one is read in place. */
        @JvmStatic
        public fun of(buffer: ByteBuffer): UploadSource = when {
            buffer.isDirect ->
                UploadSource(Native.SOURCE_BYTES, buffer, buffer.position().toLong(), buffer.remaining().toLong())
            buffer.hasArray() -> of(buffer.array(), buffer.arrayOffset() + buffer.position(), buffer.remaining())
            else -> of(ByteArray(buffer.remaining()).also { buffer.duplicate().get(it) })
        }

        /**
         * An open regular file, or [length] bytes of it from [offset]; 0: up to its end. Its position is neither used nor changed.
         */
        @JvmStatic
        @JvmOverloads
        public fun of(descriptor: FileDescriptor, offset: Long = 0, length: Long = 0): UploadSource =
            UploadSource(Native.SOURCE_DESCRIPTOR, descriptor, offset, length)

        /** The same of a channel. Its position is neither used nor changed. */
        @JvmStatic
        @JvmOverloads
        @Throws(IOException::class)
        public fun of(channel: FileChannel, offset: Long = 0, length: Long = channel.size() - offset): UploadSource =
            of(length) { ChannelStream(channel, offset, offset + length) }

        /**
         * A stream of exactly [size] bytes. It cannot be read again, so the upload is not retried once bytes were sent. It is not
         * closed.
         */
        @JvmStatic
        public fun of(stream: InputStream, size: Long): UploadSource =
            UploadSource(Native.SOURCE_READER, null, 0, size, open = { Unclosed(stream) })

        /** A stream of exactly [size] bytes that [open] opens, again for each further attempt. Each one is closed. */
        @JvmStatic
        public fun of(size: Long, open: StreamOpener): UploadSource =
            UploadSource(Native.SOURCE_READER, null, 0, size, open::open, canRewind = true)

        private fun path(path: String) =
            UploadSource(Native.SOURCE_PATH, null, 0, 0, prepare = { UploadSource(Native.SOURCE_PATH, path.utf8("path"), 0, 0) })
    }
}

/** Opens a stream of the same bytes each time. */
public fun interface StreamOpener {
    /** The stream, at its first byte. What this throws comes out of the upload. */
    @Throws(IOException::class)
    public fun open(): InputStream
}

/** Somebody else's stream. */
private class Unclosed(private val stream: InputStream) : InputStream() {
    override fun read(): Int = stream.read()

    override fun read(b: ByteArray, off: Int, len: Int): Int = stream.read(b, off, len)
}

/** Reads at positions of its own, up to [end]. */
private class ChannelStream(private val channel: FileChannel, private var position: Long, private val end: Long) : InputStream() {
    override fun read(): Int {
        val one = ByteArray(1)
        return if (read(one, 0, 1) < 1) -1 else one[0].toInt() and 0xff
    }

    override fun read(b: ByteArray, off: Int, len: Int): Int {
        val most = minOf(len.toLong(), end - position).toInt()
        if (most <= 0) return -1
        val count = channel.read(ByteBuffer.wrap(b, off, most), position)
        if (count > 0) position += count
        return count
    }
}

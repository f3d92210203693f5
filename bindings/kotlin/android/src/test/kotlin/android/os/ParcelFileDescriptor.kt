package android.os

import java.io.Closeable
import java.io.File
import java.io.FileDescriptor
import java.io.FileInputStream

/** An open file, or what looks like a pipe. */
class ParcelFileDescriptor(file: File, private val isPipe: Boolean = false) : Closeable {
    val file = FileInputStream(file)

    /** Of the JVM; Android's has the number under another name. */
    val fd: Int get() = FileDescriptor::class.java.getDeclaredField("fd").apply { isAccessible = true }.getInt(file.fd)

    val statSize: Long get() = if (isPipe) -1 else file.channel.size()

    override fun close() = file.close()
}

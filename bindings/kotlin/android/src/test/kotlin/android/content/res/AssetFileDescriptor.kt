package android.content.res

import android.os.ParcelFileDescriptor
import java.io.Closeable
import java.io.FilterInputStream
import java.io.InputStream

class AssetFileDescriptor(val parcelFileDescriptor: ParcelFileDescriptor, val startOffset: Long, val declaredLength: Long) : Closeable {
    fun createInputStream(): InputStream = object : FilterInputStream(parcelFileDescriptor.file) {
        override fun close() = parcelFileDescriptor.close()
    }

    override fun close() = parcelFileDescriptor.close()
}

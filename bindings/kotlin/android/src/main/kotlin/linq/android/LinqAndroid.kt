@file:JvmName("LinqAndroid")

package linq.android

import android.content.ContentResolver
import android.content.res.AssetFileDescriptor
import android.net.Uri
import android.os.ParcelFileDescriptor
import android.provider.OpenableColumns
import java.io.FileNotFoundException
import linq.ClientHandle
import linq.LinqClient
import linq.Native
import linq.UploadSource

/**
 * The client, which also trusts what the device trusts: the system's certificates, and those that its user or a company installed.
 *
 * It is made by its first call, on a thread of the library, as the certificates take a while to read; so an invalid setting is an
 * exception of that call. They are read once in each process. They are added to Mozilla's, which the library has within: a CA that
 * the user disabled, but Mozilla trusts, stays trusted.
 */
public fun LinqClient.Builder.buildForAndroid(): LinqClient {
    val settings = settings()
    return LinqClient(ClientHandle { settings.open(Certificates.pem()) }, observer())
}

/**
 * An open regular file, or [length] bytes of it from [offset]; 0: up to its end. Its position is neither used nor changed. It stays
 * yours to close, once the upload has ended. For a pipe, use [UploadSource.of] with a stream.
 */
@JvmOverloads
public fun ParcelFileDescriptor.asUploadSource(offset: Long = 0, length: Long = 0): UploadSource {
    // The source refers to this object, which would close the file when it is collected.
    fun opened() = UploadSource(Native.SOURCE_DESCRIPTOR, null, offset, length, descriptor = fd)
    return UploadSource(Native.SOURCE_DESCRIPTOR, null, offset, length, prepare = ::opened)
}

/**
 * What a content:// URI stands for, such as a photo that was picked. Name and size are the provider's; [linq.UploadOptions.filename]
 * replaces the name.
 *
 * Nothing is opened before the upload, and then on a thread of the library; what the provider throws comes out of the upload, such
 * as [SecurityException] where the permission has gone. A provider that gives a pipe is asked to open it again for each further
 * attempt, and once more beforehand if it does not tell a size.
 */
public fun Uri.asUploadSource(resolver: ContentResolver): UploadSource =
    UploadSource(Native.SOURCE_READER, null, 0, 0, prepare = { open(resolver, this) })

private fun open(resolver: ContentResolver, uri: Uri): UploadSource {
    val (name, size) = describe(resolver, uri)
    val file = resolver.openAssetFileDescriptor(uri, "r") ?: throw FileNotFoundException("$uri: its provider gives no file")
    // A pipe or a socket has no size of its own.
    if (file.parcelFileDescriptor.statSize >= 0) {
        val length = file.declaredLength.takeIf { it != AssetFileDescriptor.UNKNOWN_LENGTH } ?: 0
        return UploadSource(
            Native.SOURCE_DESCRIPTOR, null, file.startOffset, length, descriptor = file.parcelFileDescriptor.fd, filename = name,
            resource = file,
        )
    }
    file.close()
    fun stream() = resolver.openInputStream(uri) ?: throw FileNotFoundException("$uri: its provider gives no stream")
    val length = size ?: stream().use { stream ->
        val chunk = ByteArray(64 * 1024)
        generateSequence { stream.read(chunk).takeIf { it >= 0 } }.sumOf { it.toLong() }
    }
    return UploadSource(Native.SOURCE_READER, null, 0, length, ::stream, canRewind = true, filename = name)
}

/** The name and the size, as far as the provider tells. */
private fun describe(resolver: ContentResolver, uri: Uri): Pair<String?, Long?> {
    val columns = arrayOf(OpenableColumns.DISPLAY_NAME, OpenableColumns.SIZE)
    resolver.query(uri, columns, null, null, null)?.use { cursor ->
        if (cursor.moveToFirst()) {
            val (name, size) = columns.map { cursor.getColumnIndex(it) }
            return Pair(
                if (name < 0) null else cursor.getString(name),
                if (size < 0 || cursor.isNull(size)) null else cursor.getLong(size),
            )
        }
    }
    return Pair(uri.lastPathSegment?.substringAfterLast('/'), null)
}

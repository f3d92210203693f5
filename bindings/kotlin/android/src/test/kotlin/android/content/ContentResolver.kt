package android.content

import android.content.res.AssetFileDescriptor
import android.database.Cursor
import android.net.Uri
import java.io.InputStream

/**
 * Stands in for Android's class, which needs a device; so do the other classes below this directory. They have what the library
 * calls, and the class loader finds them first.
 */
open class ContentResolver {
    open fun query(uri: Uri, projection: Array<String>?, selection: String?, arguments: Array<String>?, order: String?): Cursor? = null

    open fun openAssetFileDescriptor(uri: Uri, mode: String): AssetFileDescriptor? = null

    fun openInputStream(uri: Uri): InputStream? = openAssetFileDescriptor(uri, "r")?.createInputStream()
}

package linq.android

import android.content.ContentResolver
import android.content.res.AssetFileDescriptor
import android.database.Cursor
import android.database.MatrixCursor
import android.net.Uri
import android.os.ParcelFileDescriptor
import java.io.File
import java.io.FileNotFoundException
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CountDownLatch
import kotlin.test.BeforeTest
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertSame
import kotlin.test.assertTrue
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.runBlocking
import linq.LinqException
import linq.Sandbox
import linq.UploadOptions
import linq.UploadSource
import linq.endsAtOnce
import linq.file
import linq.text
import linq.until

private class Provider : ContentResolver() {
    var columns = mapOf<String, Any?>()
    var open: () -> AssetFileDescriptor? = { null }
    val opened = CopyOnWriteArrayList<AssetFileDescriptor>()

    override fun query(uri: Uri, projection: Array<String>?, selection: String?, arguments: Array<String>?, order: String?): Cursor? {
        assertEquals(listOf("_display_name", "_size"), projection!!.toList())
        return if (columns.isEmpty()) null else MatrixCursor(columns.keys.toTypedArray()).apply { addRow(columns.values.toTypedArray()) }
    }

    override fun openAssetFileDescriptor(uri: Uri, mode: String): AssetFileDescriptor? {
        assertEquals("r", mode)
        return open()?.also { opened += it }
    }

    /** Whether each one that was opened is closed. */
    fun areClosed() = opened.isNotEmpty() && opened.none { it.parcelFileDescriptor.file.fd.valid() }
}

class ContentTest {
    private val bytes = text(200_000)
    private val file: File = file("stored.bin", bytes)
    private val uri: Uri = Uri.parse("content://test.linq/documents/primary%3ADownload%2Fnote.txt")
    private val provider = Provider()
    private val whole = { AssetFileDescriptor(ParcelFileDescriptor(file), 0, -1) }
    private val pipe = { AssetFileDescriptor(ParcelFileDescriptor(file, isPipe = true), 0, -1) }

    @BeforeTest
    fun calm() = Sandbox.calm()

    private fun upload(options: UploadOptions = UploadOptions(), source: UploadSource = uri.asUploadSource(provider)) =
        runBlocking { uploading(options, source) }

    private suspend fun uploading(options: UploadOptions = UploadOptions(), source: UploadSource = uri.asUploadSource(provider)) =
        Sandbox.client().use { it.upload(source, options) }

    @Test
    fun aFileOfAProvider() {
        provider.columns = mapOf("_size" to 5L, "_display_name" to "Notes \uD83C\uDF89.txt")
        provider.open = whole
        val attachment = upload()
        assertEquals("Notes \uD83C\uDF89.txt", attachment.filename)
        assertContentEquals(bytes, Sandbox.stored(attachment.id))
        assertEquals(1, provider.opened.size)
        assertTrue(provider.areClosed())
        assertEquals("mine.txt", upload(UploadOptions("mine.txt")).filename)
    }

    @Test
    fun aPartOfAFile() {
        provider.open = { AssetFileDescriptor(ParcelFileDescriptor(file), 100, 5000) }
        val attachment = upload()
        assertEquals("note.txt", attachment.filename)
        assertContentEquals(bytes.copyOfRange(100, 5100), Sandbox.stored(attachment.id))
    }

    @Test
    fun aPipeIsOpenedAgainForAnotherAttempt() {
        provider.columns = mapOf("_display_name" to "note.txt", "_size" to bytes.size)
        provider.open = pipe
        Sandbox.fault("""{"side":"storage","times":1,"fault":{"reset_after":100000}}""")
        val attachment = upload()
        assertEquals(2, attachment.attempts)
        assertContentEquals(bytes, Sandbox.stored(attachment.id))
        assertTrue(provider.areClosed())
    }

    @Test
    fun aPipeOfUnknownSizeIsCounted() {
        for (columns in listOf(mapOf(), mapOf("_display_name" to "note.txt", "_size" to null), mapOf("_display_name" to "note.txt"))) {
            provider.columns = columns
            provider.open = pipe
            assertContentEquals(bytes, Sandbox.stored(upload().id))
        }
    }

    @Test
    fun aPlaceThatWasReservedElsewhere() = runBlocking {
        provider.open = whole
        Sandbox.client().use { client ->
            val place = client.presign("photo.txt", bytes.size.toLong())
            client.uploadPresigned(place, uri.asUploadSource(provider), UploadOptions("photo.txt"))
            assertContentEquals(bytes, Sandbox.stored(place.attachmentId))
        }
    }

    @Test
    fun whatAProviderThrowsComesOutOfTheUpload() {
        val denied = SecurityException("the permission has gone")
        provider.open = { throw denied }
        assertSame(denied, runCatching { upload() }.exceptionOrNull())
        provider.open = { throw FileNotFoundException("gone") }
        assertEquals("gone", assertFailsWith<FileNotFoundException> { upload() }.message)
        provider.open = { null }
        assertFailsWith<FileNotFoundException> { upload() }
        assertEquals(emptyList(), Sandbox.requests())
    }

    @Test
    fun cancellingDoesNotWaitForAProvider() = runBlocking(Dispatchers.Default) {
        endsAtOnce("a provider opens a file") {
            val asked = CountDownLatch(1)
            val goOn = CountDownLatch(1)
            provider.opened.clear()
            provider.open = {
                asked.countDown()
                goOn.await()
                whole()
            }
            val job = async { uploading() }
            asked.await()
            val began = System.nanoTime()
            runBlocking { job.cancelAndJoin() }
            val took = (System.nanoTime() - began) / 1e6
            goOn.countDown()
            until("the file is closed") { provider.areClosed() }
            took
        }
        assertEquals(emptyList(), Sandbox.requests())
    }

    @Test
    fun descriptors() {
        ParcelFileDescriptor(file).use { open ->
            assertContentEquals(bytes, Sandbox.stored(upload(UploadOptions("a.txt"), open.asUploadSource()).id))
            val part = upload(UploadOptions("a.txt"), open.asUploadSource(offset = 100, length = 5000))
            assertContentEquals(bytes.copyOfRange(100, 5100), Sandbox.stored(part.id))
            assertTrue(open.file.fd.valid())
            assertFailsWith<LinqException.InvalidArgument> { upload(UploadOptions(), open.asUploadSource()) }
        }
    }

    /** A descriptor that is collected closes its file. */
    @Test
    fun aSourceKeepsItsDescriptorOpen() {
        val source = ParcelFileDescriptor(file).asUploadSource()
        repeat(5) {
            System.gc()
            Thread.sleep(20)
        }
        assertContentEquals(bytes, Sandbox.stored(upload(UploadOptions("a.txt"), source).id))
    }
}

package linq.android

import android.content.ContentResolver
import android.content.ContextWrapper
import android.content.res.AssetFileDescriptor
import android.net.Uri
import android.os.ParcelFileDescriptor
import androidx.work.ListenableWorker.Result
import androidx.work.WorkerParameters
import androidx.work.workDataOf
import com.example.app.UploadWorker
import com.example.app.Uploads
import java.io.File
import kotlin.test.BeforeTest
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertIs
import kotlin.test.assertTrue
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.runBlocking
import linq.LinqClient
import linq.Presigned
import linq.Sandbox
import linq.file
import linq.text
import linq.until

/** The worker of docs/mobile.md, with stand-ins for WorkManager's classes. */
class WorkerTest {
    private val bytes = text(100_000)
    private val file: File = file("note.txt", bytes)
    private val places = mutableListOf<Presigned>()
    private val context = object : ContextWrapper(null) {
        override fun getApplicationContext() = this

        override fun getContentResolver() = object : ContentResolver() {
            override fun openAssetFileDescriptor(uri: Uri, mode: String) = AssetFileDescriptor(ParcelFileDescriptor(file), 0, -1)
        }
    }

    @BeforeTest
    fun begin() {
        Sandbox.calm()
        Store.install()
        Store.certificates += "user:1" to Store.sandboxCa()
        Uploads.reserve = {
            LinqClient(Sandbox.key, Sandbox.apiTls, caFile = Sandbox.caFile, usesEnvironment = false)
                .use { it.presign("note.txt", bytes.size.toLong()) }.also { places += it }
        }
    }

    private val worker = UploadWorker(context, WorkerParameters(workDataOf("uri" to "content://test.linq/note.txt")))

    @Test
    fun itUploads() = runBlocking {
        val result = worker.doWork()
        assertEquals(Result.success(workDataOf("attachment_id" to places.single().attachmentId)), result)
        assertContentEquals(bytes, Sandbox.stored(places.single().attachmentId))
    }

    @Test
    fun itAsksForAnotherPlace() = runBlocking {
        Sandbox.fault("""{"side":"api_tls","times":1,"fault":{"expired":true}}""")
        val result = worker.doWork()
        assertEquals(2, places.size)
        assertEquals(Result.success(workDataOf("attachment_id" to places[1].attachmentId)), result)
    }

    @Test
    fun itSaysWhetherToTryAgain() = runBlocking {
        Sandbox.fault("""{"side":"storage_tls","times":1,"fault":{"respond":{"status":503,"headers":[["Retry-After","7000"]]}}}""")
        assertEquals(Result.retry(), worker.doWork())
        Sandbox.fault("""{"side":"storage_tls","times":1,"fault":{"respond":{"status":403,"code":"SignatureDoesNotMatch"}}}""")
        val failure = assertIs<Result.Failure>(worker.doWork())
        assertTrue("SignatureDoesNotMatch" in failure.outputData.getString("message")!!, "$failure")
        assertEquals(Result.failure(), UploadWorker(context, WorkerParameters(workDataOf())).doWork())
    }

    @Test
    fun stoppedWorkEndsItsUpload() = runBlocking(Dispatchers.Default) {
        val injected = Sandbox.fault("""{"side":"storage_tls","times":1,"fault":{"no_answer":true}}""")
        val work = async { worker.doWork() }
        until("the upload waits") { injected() > 0 }
        work.cancelAndJoin()
        assertTrue(work.isCancelled)
        until("its connection is closed") { Sandbox.requests().any { "held" in it["ended"].toString() } }
    }
}

package linq

import java.io.ByteArrayInputStream
import java.io.File
import java.io.InputStream
import java.io.RandomAccessFile
import java.net.HttpURLConnection
import java.net.URL
import java.nio.ByteBuffer
import java.nio.channels.FileChannel
import java.nio.file.StandardOpenOption
import kotlin.coroutines.Continuation
import kotlin.coroutines.EmptyCoroutineContext
import kotlin.coroutines.startCoroutine
import kotlin.test.BeforeTest
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertIs
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertSame
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.milliseconds
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import kotlinx.serialization.Serializable
import kotlinx.serialization.json.Json

class LinqClientTest {
    private val client = Sandbox.client()

    @BeforeTest
    fun calm() = Sandbox.calm()

    private fun uploaded(source: UploadSource, bytes: ByteArray, options: UploadOptions = UploadOptions(filename = "note.txt")) {
        val attachment = runBlocking { client.upload(source, options) }
        assertContentEquals(bytes, Sandbox.stored(attachment.id))
        assertEquals(bytes.size.toLong(), attachment.size)
        assertEquals(options.filename ?: "note.txt", attachment.filename)
        assertEquals("text/plain", attachment.contentType)
        assertEquals(1, attachment.attempts)
    }

    @Test
    fun everySource() {
        val bytes = text(200_000)
        val file = file("note.txt", bytes)
        val options = UploadOptions()
        uploaded(UploadSource.of(file), bytes, options)
        uploaded(UploadSource.of(file.toPath()), bytes, options)
        uploaded(UploadSource.of(bytes), bytes)
        uploaded(UploadSource.of(bytes, 10, 1000), bytes.copyOfRange(10, 1010))
        val direct = ByteBuffer.allocateDirect(bytes.size).put(bytes).apply { flip().position(5) }
        uploaded(UploadSource.of(direct), bytes.copyOfRange(5, bytes.size))
        assertEquals(5, direct.position())
        uploaded(UploadSource.of(direct.asReadOnlyBuffer()), bytes.copyOfRange(5, bytes.size))
        uploaded(UploadSource.of(direct.slice().apply { position(3) }), bytes.copyOfRange(8, bytes.size))
        uploaded(UploadSource.of(ByteBuffer.wrap(bytes, 7, 1000).slice().apply { position(3) }), bytes.copyOfRange(10, 1007))
        uploaded(UploadSource.of(ByteBuffer.wrap(bytes, 7, 1000)), bytes.copyOfRange(7, 1007))
        uploaded(UploadSource.of(ByteBuffer.wrap(bytes).asReadOnlyBuffer()), bytes)
        RandomAccessFile(file, "r").use { open ->
            uploaded(UploadSource.of(open.fd), bytes)
            uploaded(UploadSource.of(open.fd, 100, 5000), bytes.copyOfRange(100, 5100))
        }
        FileChannel.open(file.toPath(), StandardOpenOption.READ).use { open ->
            uploaded(UploadSource.of(open), bytes)
            uploaded(UploadSource.of(open, 100, 5000), bytes.copyOfRange(100, 5100))
            assertEquals(0, open.position())
        }
        uploaded(UploadSource.of(ByteArrayInputStream(bytes), bytes.size.toLong()), bytes)
        uploaded(UploadSource.of(bytes.size.toLong()) { ByteArrayInputStream(bytes) }, bytes)
        runBlocking {
            assertContentEquals(bytes, Sandbox.stored(client.upload(file).id))
            assertContentEquals(bytes, Sandbox.stored(client.upload(file.toPath()).id))
            assertContentEquals(bytes, Sandbox.stored(client.upload(bytes, UploadOptions("a.txt")).id))
            assertContentEquals(bytes, Sandbox.stored(client.upload(ByteBuffer.wrap(bytes), UploadOptions("a.txt")).id))
        }
    }

    @Test
    fun textOutsideOfTheBasicPlaneArrivesAsItIs() {
        val name = "Grüße 🎉\uD83D\uDC69\u200D\uD83D\uDC69.txt"
        val attachment = runBlocking { client.upload(file(name, text(10))) }
        assertEquals(name, attachment.filename)
        assertEquals(name, Sandbox.declared(attachment.id).text("filename"))
    }

    @Test
    fun textThatCannotCrossIsRefused() {
        val nul = assertFailsWith<LinqException.InvalidArgument> { runBlocking { client.attachment("a\u0000b") } }
        assertEquals("id contains a NUL character", nul.message)
        val half = assertFailsWith<LinqException.InvalidArgument> { runBlocking { client.presign("\uD83D.txt", 1) } }
        assertEquals("filename contains half of a surrogate pair", half.message)
        assertEquals(emptyList(), Sandbox.requests())
    }

    @Test
    fun aStreamThatOpensAgainIsRetriedAndOneThatCannotIsNot() {
        val bytes = text(300_000)
        val closed = mutableListOf<Int>()
        var opened = 0
        val source = UploadSource.of(bytes.size.toLong()) {
            val number = ++opened
            object : ByteArrayInputStream(bytes) {
                override fun close() {
                    closed += number
                }
            }
        }
        Sandbox.fault("""{"side":"storage","times":1,"fault":{"reset_after":100000}}""")
        val attachment = runBlocking { client.upload(source, UploadOptions(filename = "note.txt")) }
        assertEquals(2, attachment.attempts)
        assertContentEquals(bytes, Sandbox.stored(attachment.id))
        assertEquals((1..opened).toList(), closed)

        Sandbox.fault("""{"side":"storage","times":1,"fault":{"reset_after":100000}}""")
        val once = UploadSource.of(ByteArrayInputStream(bytes), bytes.size.toLong())
        val failure = assertFailsWith<LinqException.Network> { runBlocking { client.upload(once, UploadOptions("note.txt")) } }
        assertEquals(1, failure.attempts)
        assertNotNull(failure.attachmentId)
    }

    @Test
    fun progressAsCallbackAndAsFlow() = runBlocking {
        val bytes = text(2_000_000)
        val seen = mutableListOf<UploadProgress>()
        val options = UploadOptions(filename = "note.txt", onProgress = { seen += it })
        val events = client.uploadEvents(UploadSource.of(bytes), options).toList()
        assertEquals(UploadProgress(0, 2_000_000), seen.first())
        assertEquals(UploadProgress(2_000_000, 2_000_000), seen.last())
        assertEquals(1.0, seen.last().fraction)
        assertEquals(seen.sortedBy { it.sent }, seen)
        assertContentEquals(bytes, Sandbox.stored(assertIs<UploadEvent.Finished>(events.last()).attachment.id))
        assertTrue(events.dropLast(1).all { it is UploadEvent.Progress })
    }

    @Test
    fun whatCallbacksThrowComesOutAsItIs() = runBlocking {
        class Mine : RuntimeException("mine")
        val mine = Mine()
        val bytes = text(100_000)
        val options = UploadOptions(filename = "note.txt", onProgress = { throw mine })
        assertSame(mine, runCatching { client.upload(UploadSource.of(bytes), options) }.exceptionOrNull())

        val reading = UploadSource.of(object : InputStream() { override fun read(): Int = throw mine }, 10)
        assertSame(mine, runCatching { client.upload(reading, UploadOptions("note.txt")) }.exceptionOrNull())
        val opening = UploadSource.of(10) { throw mine }
        assertSame(mine, runCatching { client.upload(opening, UploadOptions("note.txt")) }.exceptionOrNull())
        val deep = UploadOptions(filename = "note.txt", onProgress = { forever(1) })
        assertIs<StackOverflowError>(runCatching { client.upload(UploadSource.of(bytes), deep) }.exceptionOrNull())
        // The client still works.
        uploaded(UploadSource.of(bytes), bytes)
    }

    private fun forever(n: Int): Int = forever(n + 1) + 1

    @Test
    fun aStreamOfAnotherSizeIsRefused() = runBlocking {
        for (size in listOf(9L, 11L)) {
            val source = UploadSource.of(ByteArrayInputStream(text(10)), size)
            val failure = assertFailsWith<LinqException.FileFailed> { client.upload(source, UploadOptions("note.txt")) }
            assertTrue("$size" in failure.message!!, failure.message)
        }
    }

    @Serializable
    private data class Answer(val place: Presigned)

    @Test
    fun split() = runBlocking {
        val bytes = text(50_000)
        val place = client.presign("note.txt", 50_000)
        assertEquals("note.txt", place.filename)
        assertEquals("text/plain", place.contentType)
        assertEquals(50_000L, place.size)
        assertFalse("http" in place.toString(), place.toString())
        assertTrue(place.expiresAtMillis > 0)

        val sent = Json.encodeToString(Answer(place))
        val received = Json.decodeFromString<Answer>(sent).place
        assertEquals(place.attachmentId, received.attachmentId)
        assertEquals(place.headers, received.headers)
        LinqClient(usesEnvironment = false, allowsHttpLoopback = true).use { app ->
            val attachment = app.uploadPresigned(received, UploadSource.of(bytes))
            assertEquals(place.attachmentId, attachment.id)
            assertContentEquals(bytes, Sandbox.stored(attachment.id))
            val put = Sandbox.requests().last()
            assertFalse("authorization" in put["headers"].toString().lowercase())
            val refused = assertFailsWith<LinqException.Unauthorized> { app.presign("note.txt", 1) }
            assertEquals(8, refused.status)
        }
        val events = client.uploadPresignedEvents(client.presign("note.txt", 50_000), UploadSource.of(bytes)).toList()
        assertIs<UploadEvent.Finished>(events.last())
        assertFailsWith<LinqException.InvalidArgument> { Presigned.parse("{}") }
        Unit
    }

    private fun expired(): Presigned {
        Sandbox.fault("""{"side":"api","times":1,"fault":{"expired":true}}""")
        return runBlocking { client.presign("note.txt", 1000) }
    }

    @Test
    fun anExpiredPlaceIsRenewed() = runBlocking {
        val bytes = text(1000)
        val source = UploadSource.of(bytes)
        val refused = assertFailsWith<LinqException.Expired> { client.uploadPresigned(expired(), source) }
        assertEquals(403, refused.httpStatus)
        assertFailsWith<LinqException.Expired> { client.uploadPresigned(expired(), source) { null } }

        val first = expired()
        var next: Presigned? = null
        val attachment = client.uploadPresigned(first, source) { old ->
            assertEquals(first, old)
            delay(10)
            client.presign("note.txt", 1000).also { next = it }
        }
        assertEquals(next!!.attachmentId, attachment.id)
        assertContentEquals(bytes, Sandbox.stored(attachment.id))

        val mine = IllegalStateException("mine")
        assertSame(mine, runCatching { client.uploadPresigned(expired(), source) { throw mine } }.exceptionOrNull())
    }

    @Test
    fun aCoroutineWithoutAJobUploads() {
        val bytes = text(1000)
        val ended = java.util.concurrent.CompletableFuture<LinqAttachment>()
        val upload: suspend () -> LinqAttachment = { client.upload(UploadSource.of(bytes), UploadOptions("note.txt")) }
        upload.startCoroutine(Continuation(EmptyCoroutineContext) { result -> result.fold(ended::complete, ended::completeExceptionally) })
        assertContentEquals(bytes, Sandbox.stored(ended.get().id))
    }

    @Test
    fun cancellingEndsARenewal() = runBlocking {
        val asked = CompletableDeferred<Unit>()
        val place = expired()
        val job = async(Dispatchers.Default) {
            client.uploadPresigned(place, UploadSource.of(text(1000))) {
                asked.complete(Unit)
                awaitCancellation()
            }
        }
        asked.await()
        withTimeout(5_000) { job.cancelAndJoin() }
        assertTrue(job.isCancelled)
    }

    @Test
    fun aChangeOfTheNetworkClosesIdleConnections() = runBlocking {
        fun connection() = Sandbox.requests().last().number("connection")
        client.presign("note.txt", 1)
        val first = connection()
        client.presign("note.txt", 1)
        assertEquals(first, connection())
        client.networkChanged()
        client.presign("note.txt", 1)
        assertTrue(first != connection(), "the idle connection was used again")
        Sandbox.client().apply { close() }.networkChanged()
    }

    @Test
    fun aPlaceServesAnotherHttpClient() = runBlocking {
        val bytes = text(1000)
        val place = client.presign("note.txt", 1000)
        val connection = URL(place.uploadUrl).openConnection() as HttpURLConnection
        connection.requestMethod = "PUT"
        connection.doOutput = true
        connection.setFixedLengthStreamingMode(1000)
        place.headers.filterKeys { !it.equals("Content-Length", true) && !it.equals("Host", true) }
            .forEach { (name, value) -> connection.setRequestProperty(name, value) }
        connection.outputStream.use { it.write(bytes) }
        assertEquals(200, connection.responseCode)
        place.check(connection.responseCode, connection.inputStream.use { it.readBytes() })
        assertContentEquals(bytes, Sandbox.stored(place.attachmentId))
    }

    @Test
    fun theResponseToAnotherHttpClientIsChecked() {
        val place = runBlocking { client.presign("note.txt", 1000) }
        fun refused(status: Int, body: String?) = assertIs<LinqException>(runCatching { place.check(status, body?.toByteArray()) }.exceptionOrNull())
        val expired = refused(403, "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>")
        assertIs<LinqException.Expired>(expired)
        assertEquals(place.attachmentId, expired.attachmentId)
        val signature = refused(403, "<Error><Code>SignatureDoesNotMatch</Code></Error>")
        assertEquals("SignatureDoesNotMatch", assertIs<LinqException.Storage>(signature).storageCode)
        assertTrue(refused(503, null).isRetryable)
        assertIs<LinqException.Protocol>(refused(200, "<!DOCTYPE html><html><body>Welcome to our Wi-Fi</body></html>"))
        assertIs<LinqException.InvalidArgument>(refused(0, null))
    }

    @Test
    fun attachments() = runBlocking {
        val attachment = client.upload(UploadSource.of(text(10)), UploadOptions("note.txt"))
        val info = client.attachment(attachment.id)
        assertEquals(attachment.id, info.id)
        assertEquals("note.txt", info.filename)
        assertEquals(10, info.size)
        assertTrue(kotlin.math.abs(System.currentTimeMillis() - info.createdAtMillis) < 60_000)
        val url = assertNotNull(info.downloadUrl)
        val signed = attachment.copy(downloadUrl = "$url?X-Amz-Signature=secret")
        for (shown in listOf(signed.toString(), info.copy(downloadUrl = signed.downloadUrl).toString())) {
            assertTrue(url.substringBefore('?') in shown && "secret" !in shown, shown)
        }
        client.deleteAttachment(attachment.id)
        val gone = assertFailsWith<LinqException.NotFound> { client.attachment(attachment.id) }
        assertEquals(404, gone.httpStatus)
        assertEquals(9, gone.status)
        assertEquals("LINQ_NOT_FOUND", gone.statusName)
        assertNotNull(gone.apiCode)
        assertNotNull(gone.traceId)
        assertFalse(gone.isRetryable)
    }

    @Test
    fun messages() = runBlocking {
        val photo = client.upload(UploadSource.of(text(10)), UploadOptions("note.txt"))
        val message = LinqMessage(Sandbox.phone, listOf("+15557654321"), "Hello 🎉", listOf(photo.id), idempotencyKey = "key-1")
        val receipt = client.sendMessage(message)
        assertEquals("key-1", receipt.idempotencyKey)
        assertTrue(receipt.chatId.isNotEmpty())
        assertNotNull(receipt.messageId)
        val body = Sandbox.requests().last().text("body")
        assertTrue("Hello 🎉" in body && photo.id in body, body)

        val nobody = assertFailsWith<LinqException.InvalidArgument> { client.sendMessage(LinqMessage("+15550001111", listOf(), "a")) }
        assertEquals(1, nobody.status)
        Sandbox.fault("""{"side":"api","times":0,"fault":{"respond":{"status":503,"headers":[["Retry-After","7000"]]}}}""")
        val failure = assertFailsWith<LinqException.Api> { client.sendMessage(message) }
        assertEquals("key-1", failure.idempotencyKey)
        assertEquals(7_000_000L, failure.retryAfterMillis)
        assertEquals(503, failure.httpStatus)
        assertTrue(failure.isRetryable)
    }

    @Test
    fun requests() = runBlocking {
        val chat = client.sendMessage(LinqMessage(Sandbox.phone, listOf("+15557654321"), "Hello")).chatId
        val response = client.sendRequest(LinqRequest("GET", "/v3/chats/$chat"))
        assertEquals(200, response.httpStatus)
        assertTrue(chat in response.json!!, response.json)
        val refused = assertFailsWith<LinqException.InvalidArgument> { client.sendRequest(LinqRequest("GET", "/v3/../x")) }
        assertNull(refused.httpStatus)
    }

    @Test
    fun tlsTrustsWhatItWasGiven() = runBlocking {
        val bytes = text(1000)
        for (given in listOf<(String) -> LinqClient>(
            { LinqClient(Sandbox.key, it, caFile = Sandbox.caFile, usesEnvironment = false) },
            { LinqClient(Sandbox.key, it, caPem = Sandbox.caFile.readText(), usesEnvironment = false) },
        )) {
            given(Sandbox.apiTls).use { tls ->
                tls.connect()
                assertContentEquals(bytes, Sandbox.stored(tls.upload(UploadSource.of(bytes), UploadOptions("note.txt")).id))
            }
        }
        Sandbox.client(Sandbox.apiTls).use { tls -> assertFailsWith<LinqException.Tls> { tls.presign("note.txt", 1) } }
        Unit
    }

    @Test
    fun filesAndTypes() = runBlocking {
        val missing = assertFailsWith<LinqException.FileFailed> { client.upload(File("/no/such/file.txt")) }
        assertEquals(2, missing.systemError)
        assertEquals(0, missing.attempts)
        val refused = assertFailsWith<LinqException.Unsupported> { client.upload(file("a.jpg", text(10))) }
        assertTrue("a.jpg" in refused.message!!, refused.message)
        assertEquals("image/jpeg", LinqClient.contentType("photo.JPG"))
        assertEquals("image/png", LinqClient.contentType(null, byteArrayOf(-119, 80, 78, 71, 13, 10, 26, 10)))
        assertNull(LinqClient.contentType("a.exe"))
        assertEquals("0.1.0", LinqClient.version)
    }

    @Test
    fun timeouts() = runBlocking {
        Sandbox.fault("""{"side":"api","fault":{"delay_ms":5000}}""")
        val failure = assertFailsWith<LinqException.Timeout> { client.presign("note.txt", 1, timeout = 200.milliseconds) }
        assertEquals(6, failure.status)
    }

    @Test
    fun storageRefusals() = runBlocking {
        Sandbox.fault("""{"side":"storage","fault":{"respond":{"status":403,"code":"SignatureDoesNotMatch"}}}""")
        val failure = assertFailsWith<LinqException.Storage> { client.upload(UploadSource.of(text(9)), UploadOptions("note.txt")) }
        assertEquals("SignatureDoesNotMatch", failure.storageCode)
        assertEquals(403, failure.httpStatus)
        assertNotNull(failure.storageRequestId)
        assertNotNull(failure.attachmentId)
        Unit
    }

    @Test
    fun aClosedClientIsRefused() {
        val client = Sandbox.client()
        client.close()
        client.close()
        assertEquals(
            "this LinqClient is closed",
            assertFailsWith<IllegalStateException> { runBlocking { client.presign("note.txt", 1) } }.message,
        )
        val failure = assertFailsWith<LinqException.InvalidArgument> { LinqClient(maxAttempts = 0) }
        assertEquals("maxAttempts is 0; it is 1 or more", failure.message)
    }

    @Test
    fun aClientThatIsClosedWhileItUploadsEndsAfterwards() = runBlocking {
        val client = Sandbox.client()
        val bytes = text(100_000)
        val options = UploadOptions(filename = "note.txt", onProgress = { client.close() })
        assertContentEquals(bytes, Sandbox.stored(client.upload(UploadSource.of(bytes), options).id))
    }
}

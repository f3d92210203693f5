package linq

import java.util.concurrent.ConcurrentLinkedQueue
import java.util.concurrent.CountDownLatch
import kotlin.concurrent.thread
import kotlin.test.AfterTest
import kotlin.test.BeforeTest
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertSame
import kotlin.test.assertTrue
import kotlinx.coroutines.runBlocking

/** What tells a program what happened: attempts and the log. */
class ObserverTest {
    private val options = UploadOptions("note.txt")
    private val bytes = text(100_000)

    @BeforeTest
    fun calm() = Sandbox.calm()

    @AfterTest
    fun quiet() = LinqClient.setLog(LinqLogLevel.ERROR, null)

    private fun client(listener: AttemptListener) =
        LinqClient(Sandbox.key, Sandbox.api, usesEnvironment = false, onAttempt = listener)

    @Test
    fun eachRequestIsReported() = runBlocking {
        val seen = ConcurrentLinkedQueue<LinqAttempt>()
        Sandbox.fault("""{"side":"storage","times":1,"fault":{"respond":{"status":503,"code":"SlowDown"}}}""")
        client(seen::add).use { client ->
            val id = client.upload(UploadSource.of(bytes), options).id
            assertContentEquals(bytes, Sandbox.stored(id))
            val (reserve, refused, put) = seen.toList().also { assertEquals(3, it.size, "$it") }
            assertEquals(LinqAttempt.Step.RESERVE, reserve.step)
            assertEquals(listOf(1, 1, 2), listOf(reserve.number, refused.number, put.number))
            assertEquals("LINQ_OK", reserve.statusName)
            assertFalse(reserve.isReused)
            assertTrue(reserve.times.connect > 0, "$reserve")
            assertNull(reserve.reason)
            assertEquals("127.0.0.1", reserve.host)

            assertEquals(LinqAttempt.Step.PUT, refused.step)
            assertEquals(503, refused.httpStatus)
            assertEquals(12, refused.status)
            assertEquals("LINQ_STORAGE", refused.statusName)
            assertTrue("SlowDown" in refused.reason!!, refused.reason)
            assertTrue(refused.againInMillis > 0, "$refused")

            assertEquals(200, put.httpStatus)
            assertEquals(0, put.status)
            assertEquals(0, put.againInMillis)
            assertTrue(put.bytesSent > bytes.size && put.bytesReceived > 0, "$put")
            assertNotNull(put.requestId)

            seen.clear()
            client.attachment(id)
            val info = seen.single()
            assertEquals(LinqAttempt.Step.OTHER, info.step)
            assertTrue(info.isReused, "$info")
            with(info.times) { assertEquals(listOf(0L, 0L, 0L, 0L), listOf(lookup, connect, proxy, tls)) }
            for (attempt in listOf(reserve, put, info)) {
                val sum = with(attempt.times) { lookup + connect + proxy + tls + send + wait + receive }
                assertTrue(attempt.times.total - sum in 0..8, "$attempt")
            }
        }
    }

    @Test
    fun everyCallReportsItsRequests() = runBlocking {
        val seen = ConcurrentLinkedQueue<LinqAttempt>()
        client(seen::add).use { client ->
            suspend fun requests(call: suspend () -> Unit): Int {
                seen.clear()
                call()
                return seen.size
            }
            var id = ""
            assertEquals(0, requests { client.connect() })
            assertEquals(2, requests { id = client.upload(UploadSource.of(bytes), options).id })
            assertEquals(1, requests { client.presign("note.txt", 1) })
            val place = client.presign("note.txt", bytes.size.toLong())
            assertEquals(1, requests { client.uploadPresigned(place, UploadSource.of(bytes)) })
            assertEquals(1, requests { client.attachment(id) })
            assertEquals(1, requests { client.sendMessage(LinqMessage(Sandbox.phone, listOf("+15557654321"), "Hello")) })
            assertEquals(1, requests { client.sendRequest(LinqRequest("GET", "/v3/attachments/$id")) })
            assertEquals(1, requests { client.deleteAttachment(id) })
        }
    }

    @Test
    fun whatAnAttemptListenerThrowsComesOutOfTheCall() = runBlocking {
        val mine = IllegalStateException("mine")
        client { throw mine }.use { client ->
            for (call in listOf<suspend () -> Any>(
                { client.upload(UploadSource.of(bytes), options) },
                { client.presign("note.txt", 1) },
                { client.attachment("00000000-0000-4000-8000-000000000000") },
                { client.deleteAttachment("00000000-0000-4000-8000-000000000000") },
                { client.sendMessage(LinqMessage(Sandbox.phone, listOf("+15557654321"), "Hello")) },
                { client.sendRequest(LinqRequest("GET", "/v3/chats")) },
            )) assertSame(mine, runCatching { call() }.exceptionOrNull())
        }
    }

    @Test
    fun logLinesArriveUpToTheirLevel() = runBlocking {
        val lines = ConcurrentLinkedQueue<Pair<LinqLogLevel, String>>()
        suspend fun logged(level: LinqLogLevel): Set<LinqLogLevel> {
            lines.clear()
            LinqClient.setLog(level) { at, line -> lines += at to line }
            Sandbox.fault("""{"side":"storage","times":1,"fault":{"respond":{"status":503}}}""")
            Sandbox.client().use { client ->
                client.upload(UploadSource.of(bytes), options)
                assertFailsWith<LinqException.NotFound> { client.attachment("00000000-0000-4000-8000-000000000000") }
            }
            return lines.map { it.first }.toSet()
        }
        assertEquals(LinqLogLevel.entries.toSet(), logged(LinqLogLevel.DEBUG))
        assertTrue(lines.any { "503" in it.second }, "$lines")
        assertFalse(lines.any { Sandbox.key in it.second }, "$lines")
        assertEquals(setOf(LinqLogLevel.ERROR, LinqLogLevel.WARN), logged(LinqLogLevel.WARN))
        LinqClient.setLog(LinqLogLevel.DEBUG, null)
        lines.clear()
        Sandbox.client().use { it.presign("note.txt", 1) }
        assertEquals(emptyList(), lines.toList())
    }

    @Test
    fun aLogListenerThatThrowsDisturbsNoCall() = runBlocking {
        val uncaught = ConcurrentLinkedQueue<Throwable>()
        val before = Thread.getDefaultUncaughtExceptionHandler()
        Thread.setDefaultUncaughtExceptionHandler { _, error -> uncaught += error }
        try {
            val mine = IllegalStateException("mine")
            LinqClient.setLog(LinqLogLevel.DEBUG) { _, _ -> throw mine }
            Sandbox.client().use { assertContentEquals(bytes, Sandbox.stored(it.upload(UploadSource.of(bytes), options).id)) }
            assertSame(mine, uncaught.first())
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(before)
        }
    }

    @Test
    fun setLogFromInsideAListenerIsRefusedAlsoWhileAnotherThreadWaits() {
        val inside = CountDownLatch(1)
        val waits = CountDownLatch(1)
        val refused = ConcurrentLinkedQueue<Throwable>()
        LinqClient.setLog(LinqLogLevel.INFO) { _, _ ->
            inside.countDown()
            waits.await()
            // The other thread is within setLog by now, or soon.
            Thread.sleep(50)
            runCatching { LinqClient.setLog(LinqLogLevel.INFO, null) }.onFailure { refused += it }
        }
        val call = thread { Sandbox.client().use { client -> runBlocking { client.upload(UploadSource.of(bytes), options) } } }
        inside.await()
        val setting = thread {
            waits.countDown()
            LinqClient.setLog(LinqLogLevel.ERROR, null)
        }
        call.join(20_000)
        setting.join(20_000)
        assertFalse(call.isAlive || setting.isAlive, "they wait for each other")
        assertEquals("setLog was called from inside a log listener", refused.first().message)
    }
}

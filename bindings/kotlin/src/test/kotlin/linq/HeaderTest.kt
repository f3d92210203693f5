package linq

import java.io.File
import kotlin.coroutines.cancellation.CancellationException
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertIs
import kotlin.test.assertTrue

/** What linq.h declares is there, with its fields and numbers. */
class HeaderTest {
    private val header = File(System.getProperty("linq.header")).readText()

    /** Every status of linq.h, by its name. */
    private val statuses = Regex("(?s)\n#define LINQ_OK 0\n(.*?)linq_status_name").find(header)!!.groupValues[1]
        .let { Regex("#define (LINQ_[A-Z_]+) (\\d+)").findAll(it) }
        .associate { it.groupValues[1] to it.groupValues[2].toInt() }

    @Test
    fun everyStatusHasAKindOfItsOwn() {
        assertTrue(statuses.size >= 16, "$statuses")
        val kinds = statuses.map { (name, number) ->
            val exception = LinqException.of(longArrayOf(number.toLong(), 0, 0, 0, 0, 0, 0), listOf("why"))
            assertEquals("why", exception.message)
            if (name == "LINQ_CANCELLED") {
                assertIs<CancellationException>(exception)
            } else {
                assertIs<LinqException>(exception)
                assertEquals(name, exception.statusName)
                assertEquals(number, exception.status)
            }
            exception::class
        }
        assertEquals(kinds.size, kinds.toSet().size)
    }

    @Test
    fun everyFieldOfTheErrorArrives() {
        val struct = Regex("(?s)typedef struct linq_error \\{(.*?)\\} linq_error;").find(header)!!.groupValues[1]
        val fields = Regex("(?m)^  (?:const )?\\w+ \\*?(\\w+);").findAll(struct).map { it.groupValues[1] }.toList()
        assertEquals(
            listOf(
                "struct_size", "message", "storage_code", "storage_request_id", "storage_id_2", "doc_url", "trace_id", "attachment_id",
                "status", "http_status", "api_code", "retry_after_ms", "attempts", "retryable", "idempotency_key", "system_error",
                "reserved",
            ),
            fields,
        )
        val texts = listOf("message", "code", "request", "id2", "doc", "trace", "attachment", "key")
        val error = assertIs<LinqException.Api>(LinqException.of(longArrayOf(11, 500, 1007, 4_000_000_000, 3, 1, 2), texts))
        assertEquals(
            listOf<Any?>("message", "code", "request", "id2", "doc", "trace", "attachment", "key", 500, 1007, 4_000_000_000, 3, true, 2),
            with(error) {
                listOf(
                    message, storageCode, storageRequestId, storageId2, docUrl, traceId, attachmentId, idempotencyKey, httpStatus,
                    apiCode, retryAfterMillis, attempts, isRetryable, systemError,
                )
            },
        )
    }

    @Test
    fun everyFieldOfAnAttemptArrives() {
        val struct = Regex("(?s)typedef struct linq_attempt \\{(.*?)\\} linq_attempt;").find(header)!!.groupValues[1]
        val fields = Regex("(?m)^  (?:const )?\\w+ \\*?(\\w+);").findAll(struct).map { it.groupValues[1] }.toList()
        val numbers = fields - setOf("struct_size", "host", "request_id", "reason")
        assertEquals(
            "bytes_sent bytes_received lookup_us connect_us proxy_us tls_us send_us wait_us receive_us total_us step number http_status " +
                "status reused again_in_ms",
            numbers.joinToString(" "),
        )
        val values = longArrayOf(0) + LongArray(numbers.size) { if (numbers[it] == "step") 3 else it + 101L }
        val attempt = LinqAttempt(Reply(arrayOf(values, "host".toByteArray(), "id".toByteArray(), "why".toByteArray())))
        assertEquals(
            LinqAttempt(
                LinqAttempt.Step.OTHER, 112, "host", "id", 114, 113, "why", 116, true, 101, 102,
                LinqAttempt.Times(103, 104, 105, 106, 107, 108, 109, 110),
            ),
            attempt,
        )
        for ((index, step) in listOf("RESERVE", "PUT", "OTHER").withIndex()) {
            assertTrue("#define LINQ_STEP_$step ${index + 1}\n" in header)
            assertEquals(index, LinqAttempt.Step.valueOf(step).ordinal)
        }
        for (level in LinqLogLevel.entries) assertTrue("#define LINQ_LOG_$level ${level.ordinal + 1}\n" in header)
    }

    /** linq_upload opens files as well, coroutines are the queue, and the library is linked into what calls it. */
    private val unbound = Regex("linq_upload_file|linq_queue_\\w+|linq_abi_version")

    @Test
    fun everyFunctionIsBound() {
        val functions = Regex("(?m)^(?!static|typedef)[a-z][\\w ]*[ *](linq_\\w+)\\(").findAll(header).map { it.groupValues[1] }.toSet()
        assertTrue(functions.size >= 25, "$functions")
        val called = Regex("\\b(linq_\\w+)\\(").findAll(File("src/main/c/linq_jni.c").readText()).map { it.groupValues[1] }.toSet()
        assertEquals(emptySet(), functions.filterNot(unbound::matches).toSet() - called)
    }

    @Test
    fun constantsAreThoseOfTheHeader() {
        fun header(name: String) = Regex("#define $name (\\d+)").find(header)!!.groupValues[1].toInt()
        assertEquals(header("LINQ_SOURCE_PATH"), Native.SOURCE_PATH)
        assertEquals(header("LINQ_SOURCE_DESCRIPTOR"), Native.SOURCE_DESCRIPTOR)
        assertEquals(header("LINQ_SOURCE_BYTES"), Native.SOURCE_BYTES)
        assertEquals(header("LINQ_SOURCE_READER"), Native.SOURCE_READER)
        assertEquals(header("LINQ_CLIENT_NO_ENVIRONMENT"), Native.CLIENT_NO_ENVIRONMENT)
        assertEquals(header("LINQ_CLIENT_ALLOW_WEBP_SVG"), Native.CLIENT_ALLOW_WEBP_SVG)
        assertEquals(header("LINQ_CLIENT_ALLOW_HTTP_LOOPBACK"), Native.CLIENT_ALLOW_HTTP_LOOPBACK)
        assertEquals(header("LINQ_REQUEST_REPEATABLE"), Native.REQUEST_REPEATABLE)
    }
}

package linq

import java.io.File
import kotlin.coroutines.cancellation.CancellationException
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertIs
import kotlin.test.assertTrue

class LinqExceptionTest {
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

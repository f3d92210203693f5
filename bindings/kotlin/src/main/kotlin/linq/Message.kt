package linq

/** A message with text, attachments, or both. */
public class LinqMessage @JvmOverloads constructor(
    /** One of your own numbers, such as "+15551234567". */
    public val from: String,
    /** The recipients: numbers or e-mail addresses. */
    public val to: List<String>,
    /** Text before the attachments. */
    public val text: String? = null,
    /** The ids of the attachments, in order. */
    public val attachmentIds: List<String> = emptyList(),
    /** Linq never sends twice with the same key. Up to 255 characters. `null`: a new one. */
    public val idempotencyKey: String? = null,
)

/** Linq's answer to a message. */
public data class LinqReceipt(
    /** The chat that the message was sent to. */
    val chatId: String,
    /** The message. `null` if the reply did not name it. */
    val messageId: String?,
    /** The key that the message was sent with. To send the same message again, use the same key. */
    val idempotencyKey: String,
)

/** A call of the API that has no function of its own here. */
public class LinqRequest @JvmOverloads constructor(
    /** "GET", "HEAD", "PUT", "DELETE", "POST" or "PATCH". */
    public val method: String,
    /** What follows the base URL, such as "/v3/chats"; a query is allowed. */
    public val path: String,
    /** The body: JSON of at most 1 MiB. `null`: no body. */
    public val json: String? = null,
    /** Sent as the header Idempotency-Key. Only some paths honour it. */
    public val idempotencyKey: String? = null,
    /** Whether this POST or PATCH may be executed twice, so that it may be retried. The other methods always may. */
    public val isRepeatable: Boolean = false,
)

/** Linq's answer to a request. */
public data class LinqResponse(
    /** The body. `null`: none. */
    val json: String?,
    /** Linq's trace id, for its support. `null`: none. */
    val traceId: String?,
    /** 200 to 299, or 404 for a DELETE that was retried and turned out to be done already. */
    val httpStatus: Int,
)

package linq

import kotlinx.serialization.KSerializer
import kotlinx.serialization.Serializable
import kotlinx.serialization.SerializationException
import kotlinx.serialization.descriptors.SerialDescriptor
import kotlinx.serialization.encoding.Decoder
import kotlinx.serialization.encoding.Encoder
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonDecoder
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonEncoder

/**
 * A reserved place: where to send the bytes, and the headers that the URL was signed with. Printing one shows no URL.
 *
 * Send [json] to the app that uploads, or serialize it: both are the same JSON, which [parse] reads as well as Linq's own reply.
 */
@Serializable(with = PresignedSerializer::class)
public class Presigned internal constructor(reply: Reply) {
    /** The id to use in messages once the file is uploaded. */
    public val attachmentId: String = reply.required(0)

    /** Where to PUT the bytes. A secret until it expires: anyone who has it can upload. */
    public val uploadUrl: String = reply.required(1)

    /** Where the file can be downloaded later. `null` if Linq did not send it. */
    public val downloadUrl: String? = reply.text(2)

    /** All of this as JSON. As secret as [uploadUrl]. */
    public val json: String = reply.required(3)

    /** The reserved name. `null` if the parsed JSON did not have it. */
    public val filename: String? = reply.text(4)

    /** The reserved content type. `null` if the parsed JSON did not have it. */
    public val contentType: String? = reply.text(5)

    /** The headers to send with the PUT, each exactly once and unchanged, for an HTTP client of your own. */
    public val headers: Map<String, String> =
        (6 until reply.count step 2).associate { reply.required(it) to reply.required(it + 1) }

    /** When [uploadUrl] expires, in Unix milliseconds by the server's clock. */
    public val expiresAtMillis: Long = reply.number(0)

    /** The reserved size in bytes. `null` if the parsed JSON did not have it. */
    public val size: Long? = reply.number(1).takeIf { it != 0L }

    /**
     * Checks the response to a PUT that an HTTP client of your own has sent: whether the file is there now. Throws what an upload throws
     * for this response; if [LinqException.isRetryable], the same PUT may succeed later. Nothing is sent.
     *
     * @param httpStatus the status of the response: 100 to 999
     * @param body its body; only the first MiB counts
     * @throws LinqException.Expired the place is no longer open; reserve another one
     * @throws LinqException.Storage the storage host refused; see [LinqException.storageCode]
     * @throws LinqException.Protocol it is a web page, or a redirect
     */
    @JvmOverloads
    @Throws(LinqException::class)
    public fun check(httpStatus: Int, body: ByteArray? = null) {
        Reply(Native.checkPresigned(json.utf8("json"), httpStatus, body))
    }

    override fun toString(): String = "Presigned(attachmentId=$attachmentId, filename=$filename, size=$size)"

    override fun equals(other: Any?): Boolean = other is Presigned && other.json == json

    override fun hashCode(): Int = json.hashCode()

    public companion object {
        /**
         * Parses the JSON that a server handed over: Linq's own reply to POST /v3/attachments, or [Presigned.json].
         *
         * @throws LinqException.InvalidArgument it is not such JSON, or asks for something that an upload must not do
         */
        @JvmStatic
        @Throws(LinqException::class)
        public fun parse(json: String): Presigned = Presigned(Reply(Native.parse(json.utf8("json"))))
    }
}

/** The core knows the fields; this passes them on. */
internal object PresignedSerializer : KSerializer<Presigned> {
    override val descriptor: SerialDescriptor = JsonElement.serializer().descriptor

    override fun serialize(encoder: Encoder, value: Presigned) {
        val json = encoder as? JsonEncoder ?: throw SerializationException("a Presigned is serialized as JSON only")
        json.encodeJsonElement(Json.parseToJsonElement(value.json))
    }

    override fun deserialize(decoder: Decoder): Presigned {
        val json = decoder as? JsonDecoder ?: throw SerializationException("a Presigned is read from JSON only")
        val text = json.decodeJsonElement().toString()
        try {
            return Presigned.parse(text)
        } catch (error: LinqException) {
            throw SerializationException(error.message, error)
        }
    }
}

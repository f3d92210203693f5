package linq

/** An uploaded file. */
public data class LinqAttachment(
    /**
     * For any number of messages while it exists: an ephemeral attachment is removed 24 to 48 hours after the upload, a
     * persistent one when it is deleted.
     */
    val id: String,
    /** Where the file can be downloaded. `null` if Linq did not send it. */
    val downloadUrl: String?,
    /** The declared name; empty if the presigned JSON did not have it. */
    val filename: String,
    /** The declared content type; empty if the presigned JSON did not have it. */
    val contentType: String,
    /** Its size in bytes. */
    val size: Long,
    /** How many attempts the upload made in all. */
    val attempts: Int,
) {
    internal constructor(reply: Reply) : this(
        reply.required(0), reply.text(1), reply.required(2), reply.required(3), reply.number(0), reply.number(1).toInt(),
    )

    /** Everything but the query of the download URL, which may be signed. */
    override fun toString(): String =
        "LinqAttachment(id=$id, downloadUrl=${downloadUrl?.substringBefore('?')}, filename=$filename, " +
            "contentType=$contentType, size=$size, attempts=$attempts)"
}

/** What Linq knows of an attachment. */
public data class LinqAttachmentInfo(
    /** Its id. */
    val id: String,
    /** Its name. */
    val filename: String,
    /** Its content type. */
    val contentType: String,
    /** Where it can be downloaded, freshly signed if the account requires that. `null` if Linq did not send it. */
    val downloadUrl: String?,
    /** "pending", "complete" or "failed" while Linq still sends it (deprecated since May 2026), else `null`. */
    val status: String?,
    /** Its size in bytes. */
    val size: Long,
    /** When it was reserved, in Unix milliseconds. */
    val createdAtMillis: Long,
) {
    internal constructor(reply: Reply) : this(
        reply.required(0), reply.required(1), reply.required(2), reply.text(3), reply.text(4), reply.number(0), reply.number(1),
    )

    /** Everything but the query of the download URL, which may be signed. */
    override fun toString(): String =
        "LinqAttachmentInfo(id=$id, filename=$filename, contentType=$contentType, " +
            "downloadUrl=${downloadUrl?.substringBefore('?')}, status=$status, size=$size, createdAtMillis=$createdAtMillis)"
}

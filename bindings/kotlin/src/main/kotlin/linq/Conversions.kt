package linq

import kotlin.time.Duration
import kotlin.time.Duration.Companion.nanoseconds

/** A NUL within would reach C cut short, and an unpaired surrogate cannot be written as UTF-8: both are refused. */
internal fun String.utf8(name: String): ByteArray {
    if ('\u0000' in this) throw LinqException.invalidArgument("$name contains a NUL character")
    try {
        return encodeToByteArray(throwOnInvalidSequence = true)
    } catch (_: CharacterCodingException) {
        throw LinqException.invalidArgument("$name contains half of a surrogate pair")
    }
}

internal fun Collection<String>.utf8(name: String): Array<ByteArray> =
    mapIndexed { index, text -> text.utf8("$name[$index]") }.toTypedArray()

/** A uint64_t has no negative numbers. */
internal fun Long.unsigned(name: String): Long =
    if (this >= 0) this else throw LinqException.invalidArgument("$name is $this; it cannot be negative")

/** 0 stands for "not given"; what is not positive ends at once. Rounded up. The bits of a uint32_t. */
internal fun milliseconds(duration: Duration?): Int = when {
    duration == null -> 0
    duration.isInfinite() && duration.isPositive() -> -1
    else -> (duration + 999_999.nanoseconds).inWholeMilliseconds.coerceIn(1, 0xFFFF_FFFF).toInt()
}

/** What a call returned: numbers, then texts. Throws what a failed call reported. */
internal class Reply(private val items: Array<Any?>) {
    private val numbers = items[0] as LongArray

    /** How many texts there are. */
    val count: Int get() = items.size - 1

    init {
        if (numbers[0] != 0L) throw LinqException.of(numbers, List(count, ::text))
    }

    fun text(index: Int): String? = (items[index + 1] as ByteArray?)?.decodeToString()

    fun required(index: Int): String = text(index).orEmpty()

    /** The first one after the status has index 0. */
    fun number(index: Int): Long = numbers[index + 1]
}

package linq

/** How important a log line is. */
public enum class LinqLogLevel {
    /** A call failed. */
    ERROR,

    /** A problem that the library handled, such as an attempt that is retried. */
    WARN,

    /** What the library did. */
    INFO,

    /** Each request and connection. */
    DEBUG,
}

/** Receives the library's log lines; see [LinqClient.setLog]. */
public fun interface LinqLogListener {
    /**
     * Called on the thread whose call the line is about, so several threads may be in it at once. The lines of calls that it makes
     * itself are dropped. What it throws goes to its thread's [Thread.UncaughtExceptionHandler].
     */
    public fun onLine(level: LinqLogLevel, line: String)
}

internal object Log {
    @Volatile
    private var listener: LinqLogListener? = null

    fun set(level: LinqLogLevel, listener: LinqLogListener?) {
        // Returns once no thread is in the old listener any more; none is called until there is a level again.
        check(Native.setLog(0))
        this.listener = listener
        if (listener != null) check(Native.setLog(level.ordinal + 1))
    }

    private fun check(status: Int) {
        if (status != 0) throw LinqException.invalidArgument("setLog was called from inside a log listener")
    }

    fun receive(level: Int, line: ByteArray) {
        try {
            listener?.onLine(LinqLogLevel.entries[level - 1], line.decodeToString())
        } catch (error: Throwable) {
            val thread = Thread.currentThread()
            thread.uncaughtExceptionHandler.uncaughtException(thread, error)
        }
    }
}

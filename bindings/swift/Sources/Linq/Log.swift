import CLinq
import Foundation

/// How much of what liblinq does is worth a line.
public enum LogLevel: UInt32, Sendable, Hashable, CaseIterable, Comparable {
    /// A call failed.
    case error = 1
    /// Something went wrong and was got over, such as an attempt that is made again.
    case warning = 2
    /// What the library did.
    case info = 3
    /// Each request and connection.
    case debug = 4

    /// Less is more important.
    public static func < (one: LogLevel, other: LogLevel) -> Bool { one.rawValue < other.rawValue }
}

extension Client {
    /// Sets who gets liblinq's log lines, in the whole process. By default nobody does. No secret is in any line.
    ///
    /// Returns once no thread is in the old handler any more.
    ///
    /// - Parameters:
    ///   - level: up to which level.
    ///   - handler: called with each line, on the thread whose call it is about, so several threads may be in it at once; `nil`:
    ///     nobody. It must not wait for a call.
    /// - Throws: ``LinqError``: `invalidArgument` from inside a handler.
    public static func setLog(upTo level: LogLevel = .info, _ handler: (@Sendable (LogLevel, String) -> Void)?) throws {
        // Inside a handler this is refused: before the lock, which another thread may hold while it waits for that handler.
        try refused(linq_set_log(nil, nil, 0))
        // The old one is released behind the lock: what it holds may call this function when it goes.
        var old: Listener.Handler?
        defer { withExtendedLifetime(old) {} }
        try setting.withLock {
            // Returns once no thread is in the old handler any more; nobody reads `handler` until it is set again.
            try refused(linq_set_log(nil, nil, 0))
            old = Listener.swap(handler)
            guard handler != nil else { return }
            try refused(linq_set_log({ _, level, line in Listener.receive(level, line) }, nil, level.rawValue))
        }
    }
}

private let setting = NSLock()

private enum Listener {
    typealias Handler = @Sendable (LogLevel, String) -> Void

    private static let lock = NSLock()
    nonisolated(unsafe) private static var current: Handler?

    /// Returns the one before.
    static func swap(_ handler: Handler?) -> Handler? {
        lock.withLock {
            defer { current = handler }
            return current
        }
    }

    static func receive(_ level: UInt32, _ line: UnsafePointer<CChar>?) {
        guard let line, let handler = lock.withLock({ current }) else { return }
        handler(LogLevel(rawValue: level) ?? .debug, String(cString: line))
    }
}

private func refused(_ status: linq_status) throws {
    guard status == LINQ_OK else {
        throw LinqError(LinqError.Status(rawValue: status), "setLog was called from inside a log handler")
    }
}

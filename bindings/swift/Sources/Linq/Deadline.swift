/// When a call must be over. It counts from when the call is made, so also while that waits for a thread.
struct Deadline: Sendable {
    let end: ContinuousClock.Instant

    /// `nil` for `nil`: there is none.
    init?(_ timeout: Duration?) {
        guard let timeout else { return nil }
        // At most the longest that C takes: much more would not fit into an instant.
        end = .now + max(.zero, min(timeout, .milliseconds(Int64(UInt32.max))))
    }

    var left: Duration { end - .now }
}

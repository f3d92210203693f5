import Foundation

/// The threads that blocking calls run on: Swift's own few must not block, and GCD's global queue stalls at about 64.
///
/// They are made as calls need them, up to a limit, and end when there was nothing to do for a while. A thread that waits
/// for the caller's stream does not count towards it, so that a call which that stream waits for still finds one; but
/// in all there is a second limit, up to four times as high.
final class CallThreads: @unchecked Sendable {
    typealias Job = @Sendable () -> Void

    static let shared = {
        let limits = CallThreads.limits(descriptors: sysconf(Int32(_SC_OPEN_MAX)))
        return CallThreads(limit: limits.atWork, most: limits.inAll, idleTime: 5)
    }()

    let limit: Int
    let most: Int
    private let idleTime: TimeInterval
    private let condition = NSCondition()
    /// First come, first served; a cancelled call leaves a gap.
    private var waiting: [Int: Job] = [:]
    private var first = 0
    private var next = 0
    private var threads = 0
    /// Those of them that wait for a job, or are just starting.
    private var idle = 0
    /// Those of them that wait for the caller's stream.
    private var away = 0

    init(limit: Int, most: Int, idleTime: TimeInterval) {
        self.limit = limit
        self.most = most
        self.idleTime = idleTime
    }

    /// How many there may be where the process may have so many descriptors open (negative: any number). A call at work has
    /// up to four: its token's two, a connection, and its file or what it waits with. One that waits for a stream has three.
    static func limits(descriptors: Int) -> (atWork: Int, inAll: Int) {
        guard descriptors >= 0 else { return (64, 256) }
        return (min(64, max(8, descriptors / 8)), min(256, max(16, descriptors / 4)))
    }

    /// Has a job run when there is a thread for it. Returns what ``remove(_:)`` takes; `nil` where there is no thread that
    /// could come to it, and none can be made.
    func add(_ job: @escaping Job) -> Int? {
        condition.withLock {
            let place = next
            next += 1
            waiting[place] = job
            if !grow(), threads == away {
                waiting[place] = nil
                return nil
            }
            condition.signal()
            return place
        }
    }

    /// Takes back a job that did not begin.
    func remove(_ place: Int) {
        // Released behind the lock: it may hold the last reference to anything.
        _ = condition.withLock { waiting.removeValue(forKey: place) }
    }

    /// Waits for the caller's stream on one of the threads.
    func outside<Result>(_ body: () throws -> Result) rethrows -> Result {
        condition.withLock {
            away += 1
            grow()
        }
        defer {
            condition.withLock {
                away -= 1
                grow()
            }
        }
        return try withPool(body)
    }

    /// How many threads there are.
    var count: Int { condition.withLock { threads } }

    /// How many jobs wait for one.
    var queued: Int { condition.withLock { waiting.count } }

    /// Makes a thread where one is missing; `false` where it cannot be made. A thread that comes back tries again. With the lock
    /// held.
    @discardableResult
    private func grow() -> Bool {
        guard waiting.count > idle, threads - away < limit, threads < most else { return true }
        guard startThread() else { return false }
        threads += 1
        idle += 1
        return true
    }

    private func startThread() -> Bool {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        #if canImport(Glibc)
        var thread = pthread_t()
        #else
        var thread: pthread_t?
        #endif
        let pool = Unmanaged.passRetained(self)
        let failure = pthread_create(&thread, &attributes, { run($0) }, pool.toOpaque())
        if failure != 0 { pool.release() }
        return failure == 0
    }

    fileprivate func work() {
        condition.lock()
        idle -= 1
        while true {
            if let job = pop() {
                condition.unlock()
                withPool(job)
                condition.lock()
                if threads - away > limit { break }
                grow()
                continue
            }
            idle += 1
            let woken = condition.wait(until: Date(timeIntervalSinceNow: idleTime))
            idle -= 1
            if !woken, waiting.isEmpty { break }
        }
        threads -= 1
        condition.unlock()
    }

    private func pop() -> Job? {
        while first < next {
            defer { first += 1 }
            if let job = waiting.removeValue(forKey: first) { return job }
        }
        return nil
    }
}

private func run(_ pool: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let pool else { return nil }
    Thread.current.name = "Linq"
    Unmanaged<CallThreads>.fromOpaque(pool).takeRetainedValue().work()
    return nil
}

/// Objective-C's objects would otherwise stay until the thread ends.
func withPool<Result>(_ body: () throws -> Result) rethrows -> Result {
    #if canImport(ObjectiveC)
    return try autoreleasepool(invoking: body)
    #else
    return try body()
    #endif
}

import CLinq
import Foundation

/// What C calls back during one upload, always on the thread of the call: the caller's progress and renew closures and its
/// stream. What they throw is kept here, as C knows only that something failed.
final class UploadCallbacks {
    private let progress: (@Sendable (UploadProgress) throws -> Void)?
    private let renew: (@Sendable (Presigned) async throws -> Presigned?)?
    private let handover: Handover
    private let deadline: Deadline?
    private let threads: CallThreads
    private var chunk = Data()
    private var request = Handover.Request.next
    private var isAtEnd = false
    private(set) var error: (any Error)?

    init(
        progress: (@Sendable (UploadProgress) throws -> Void)?,
        renew: (@Sendable (Presigned) async throws -> Presigned?)? = nil, handover: Handover, deadline: Deadline?,
        threads: CallThreads = .shared
    ) {
        self.progress = progress
        self.renew = renew
        self.handover = handover
        self.deadline = deadline
        self.threads = threads
    }

    private static func of(_ user: UnsafeMutableRawPointer?) -> UploadCallbacks {
        Unmanaged<UploadCallbacks>.fromOpaque(user!).takeUnretainedValue()
    }

    private var user: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

    func install(in options: inout linq_upload_options) {
        if renew != nil {
            options.renew_user_data = user
            options.renew = { user, expired in UploadCallbacks.of(user).renewed(expired) }
        }
        guard progress != nil else { return }
        options.user_data = user
        options.progress = { user, sent, total in
            UploadCallbacks.of(user).report(UploadProgress(sent: Int(clamping: sent), total: Int(clamping: total)))
        }
    }

    func install(in source: inout linq_source, isRewindable: Bool) {
        source.user_data = user
        source.read = { user, buffer, capacity in UploadCallbacks.of(user).read(into: buffer, capacity) }
        if isRewindable { source.rewind = { user in UploadCallbacks.of(user).rewind() } }
    }

    private func report(_ state: UploadProgress) -> Int32 {
        do {
            try withPool { try progress?(state) }
            return 0
        } catch {
            self.error = error
            return 1
        }
    }

    private func renewed(_ expired: UnsafePointer<linq_presigned>?) -> UnsafeMutablePointer<linq_presigned>? {
        do {
            let old = try Presigned(made(expired).pointee)
            let next = try threads.outside { [handover, deadline, renew] in
                try handover.run(until: deadline, "no other place was given") { try await renew?(old) }
            }
            return try next?.place()
        } catch {
            self.error = error
            return nil
        }
    }

    private func read(into buffer: UnsafeMutableRawPointer?, _ capacity: Int) -> Int64 {
        do {
            while chunk.isEmpty, !isAtEnd {
                let next = try threads.outside { try handover.chunk(request, until: deadline) }
                request = .next
                chunk = next ?? Data()
                isAtEnd = next == nil
            }
        } catch {
            self.error = error
            return -1
        }
        let count = chunk.copyBytes(to: UnsafeMutableRawBufferPointer(start: buffer, count: capacity))
        chunk = chunk.dropFirst(count)
        return Int64(count)
    }

    private func rewind() -> Int32 {
        (chunk, request, isAtEnd, error) = (Data(), .again, false, nil)
        return 0
    }
}

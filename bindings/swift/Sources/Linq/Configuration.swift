import CLinq
import Foundation

extension Client {
    /// How a client is to behave. `nil` means the default.
    ///
    /// Printing one shows neither the key nor a proxy's password.
    public struct Configuration: Sendable, Hashable, CustomReflectable {
        /// The partner's API key; `nil`: from `LINQ_API_V3_API_KEY`. A client without any key can still upload presigned.
        /// Do not ship it inside an app.
        public var apiKey: String?
        /// Where the API is; `nil`: from `LINQ_API_V3_BASE_URL`, else Linq's own. The key is never sent over plain http,
        /// except to loopback.
        public var baseURL: URL?
        /// Added to the library's own User-Agent, such as "MyApp/2.1".
        public var userAgent: String?
        /// A file of PEM certificates to trust besides the platform's.
        public var caFile: URL?
        /// The same as text: PEM certificates to trust besides the platform's.
        public var caPEM: String?
        /// `http://[user:password@]host:port`; `nil`: from the environment; empty: none. Loopback is never proxied.
        public var proxy: String?
        /// Whether what is not set is taken from the environment. Apps set this to `false`: theirs is nobody's to set.
        public var usesEnvironment: Bool
        /// Lets WebP and SVG through. Linq's own documents contradict each other about these two, so they are refused
        /// unless you say otherwise.
        public var allowsWebPAndSVG: Bool
        /// Accepts a presigned URL that is plain http, towards loopback only; for tests.
        public var allowsHTTPLoopback: Bool
        /// How long the name, the connection and the TLS handshake may take together; more than zero; `nil`: 10 seconds.
        public var connectTimeout: Duration?
        /// How long nothing may move, either way, while a connection is up; more than zero; `nil`: 30 seconds. A slow upload
        /// that moves is no stall.
        public var stallTimeout: Duration?
        /// How often to try in all; 1: never again; `nil`: 4.
        public var maxAttempts: Int?

        /// Makes a configuration; each parameter is the property of that name.
        public init(
            apiKey: String? = nil, baseURL: URL? = nil, userAgent: String? = nil, caFile: URL? = nil,
            caPEM: String? = nil, proxy: String? = nil, usesEnvironment: Bool = true, allowsWebPAndSVG: Bool = false,
            allowsHTTPLoopback: Bool = false, connectTimeout: Duration? = nil, stallTimeout: Duration? = nil,
            maxAttempts: Int? = nil
        ) {
            self.apiKey = apiKey
            self.baseURL = baseURL
            self.userAgent = userAgent
            self.caFile = caFile
            self.caPEM = caPEM
            self.proxy = proxy
            self.usesEnvironment = usesEnvironment
            self.allowsWebPAndSVG = allowsWebPAndSVG
            self.allowsHTTPLoopback = allowsHTTPLoopback
            self.connectTimeout = connectTimeout
            self.stallTimeout = stallTimeout
            self.maxAttempts = maxAttempts
        }

        /// What printing shows: no secret.
        public var customMirror: Mirror {
            Mirror(
                self,
                children: [
                    "apiKey": apiKey == nil ? "nil" : "…", "baseURL": baseURL?.absoluteString ?? "nil",
                    "usesEnvironment": usesEnvironment,
                ], displayStyle: .struct)
        }

        func withOptions<Result>(_ body: (UnsafePointer<linq_client_options>) throws -> Result) throws -> Result {
            try withTexts { texts in
                var options = linq_client_options_default()
                options.api_key = try texts.add(apiKey, "apiKey")
                options.base_url = try texts.add(baseURL?.absoluteString, "baseURL")
                options.user_agent = try texts.add(userAgent, "userAgent")
                options.ca_file = try caFile.map { try texts.add(path: $0, "caFile") }
                options.ca_pem = try texts.add(caPEM, "caPEM")
                options.proxy = try texts.add(proxy, "proxy")
                let flags = [
                    (!usesEnvironment, LINQ_CLIENT_NO_ENVIRONMENT), (allowsWebPAndSVG, LINQ_CLIENT_ALLOW_WEBP_SVG),
                    (allowsHTTPLoopback, LINQ_CLIENT_ALLOW_HTTP_LOOPBACK),
                ]
                for (isSet, flag) in flags where isSet { options.flags |= UInt32(flag) }
                options.connect_timeout_ms = try milliseconds(positive(connectTimeout, "connectTimeout"))
                options.stall_timeout_ms = try milliseconds(positive(stallTimeout, "stallTimeout"))
                options.max_attempts = try attempts()
                return try body(&options)
            }
        }

        private func attempts() throws -> UInt32 {
            guard let maxAttempts else { return 0 }
            guard let count = UInt32(exactly: maxAttempts), count > 0 else {
                throw LinqError(.invalidArgument, "maxAttempts is \(maxAttempts); it is 1 or more")
            }
            return count
        }
    }
}

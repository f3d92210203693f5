// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "Examples",
    platforms: [.macOS(.v13)],
    dependencies: [.package(name: "Linq", path: "../../..")],
    targets: ["upload", "split"].map {
        .executableTarget(name: $0, dependencies: [.product(name: "Linq", package: "Linq")])
    }
)

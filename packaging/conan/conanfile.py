import os

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.build import cross_building
from conan.tools.files import copy, get, rm, rmdir
from conan.tools.layout import basic_layout

required_conan_version = ">=2.0"


class LiblinqConan(ConanFile):
    name = "liblinq"
    version = "@version@"
    description = "Uploads attachments to the Linq messaging API"
    license = "MIT OR Apache-2.0"
    homepage = "https://linqapp.com"
    topics = ("upload", "messaging")
    package_type = "library"
    settings = "os", "compiler", "build_type", "arch"
    options = {"shared": [True, False]}
    default_options = {"shared": False}

    def configure(self):
        self.settings.rm_safe("compiler.cppstd")
        self.settings.rm_safe("compiler.libcxx")

    def layout(self):
        basic_layout(self, src_folder="src")

    def package_id(self):
        # Rust compiles it, always as for a release; what the package offers is C.
        del self.info.settings.compiler
        del self.info.settings.build_type

    def validate(self):
        if self.settings.os not in ["Linux", "Macos"]:
            raise ConanInvalidConfiguration("liblinq is for Linux and macOS")
        if cross_building(self):
            raise ConanInvalidConfiguration("liblinq is built on the platform that it is for; make dist builds it for others")

    def source(self):
        get(self, **self.conan_data["sources"][self.version], strip_root=True)

    @property
    def _target(self):
        return os.path.join(self.build_folder, "target")

    def build(self):
        # Rust 1.88 or newer has to be there, as the C compiler has.
        self.run(f'CARGO_TARGET_DIR="{self._target}" scripts/lib', cwd=self.source_folder)

    def package(self):
        self.run(f'PREFIX="{self.package_folder}" LINQ_BUILT="{os.path.join(self._target, "release")}" scripts/install',
                 cwd=self.source_folder)
        lib = os.path.join(self.package_folder, "lib")
        for pattern in ["*.a"] if self.options.shared else ["*.so*", "*.dylib"]:
            rm(self, pattern, lib)
        # Conan writes such files itself; and it removes what it has installed.
        rmdir(self, os.path.join(lib, "cmake"))
        rmdir(self, os.path.join(lib, "pkgconfig"))
        rmdir(self, os.path.join(self.package_folder, "share", "linq"))
        for file in ["LICENSE-MIT", "LICENSE-APACHE", "THIRD-PARTY.txt"]:
            copy(self, file, self.source_folder, os.path.join(self.package_folder, "licenses"))

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "linq")
        self.cpp_info.set_property("cmake_target_name", "linq::linq")
        self.cpp_info.set_property("pkg_config_name", "linq")
        self.cpp_info.libs = ["linq"]
        if self.options.shared:
            return
        if self.settings.os == "Linux":
            self.cpp_info.system_libs = ["pthread", "dl", "m"]
            self.cpp_info.exelinkflags = self.cpp_info.sharedlinkflags = ["-static-libgcc"]
        else:
            self.cpp_info.frameworks = ["Security", "CoreFoundation"]

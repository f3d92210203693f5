//go:build cgo && linq_bundled && !(linux && !android && (amd64 || arm64 || ((arm || 386) && !musl))) && !(darwin && !ios && !musl)

package linq

// What the compiler says where the release has no archive for the platform.
const _ = liblinq_is_not_bundled_for_this_platform_so_install_it_and_leave_out_the_tag_linq_bundled

// Package lib is where a release has linq.h, the archives that the tag linq_bundled links, and THIRD-PARTY.txt, which goes
// with a program that has them inside. In a checkout, make dist puts them here.
package lib

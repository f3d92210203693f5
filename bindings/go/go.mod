module github.com/linq-team/liblinq/bindings/go

go 1.23

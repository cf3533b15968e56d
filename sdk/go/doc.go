// Package microsandbox runs untrusted code in local virtual machines that start like processes.
//
//	sb, err := microsandbox.CreateSandbox(ctx, "work", microsandbox.WithImage("debian:12"))
//	if err != nil {
//		return err
//	}
//	defer sb.Close()
//	out, err := sb.Exec(ctx, "uname", []string{"-sr"})
//
// It works through libmicrosandbox.so, which it loads when it is used first: MICROSANDBOX_LIBRARY says
// where that is, otherwise it is looked for beside the msb that MSB_PATH or PATH leads to, in the source
// tree that this package is part of, and where the system keeps libraries.
//
// All functions may be called by any goroutine. Each call takes a context; one that ends, ends the call
// with an error of kind [ErrCancelled] that also is the context's. What fails, fails with an [*Error].
// A command that ran and exited with a failure is a result, no error.
package microsandbox

package microsandbox

// #include "native.h"
import "C"

import "context"

// CopyProgress is told how many bytes of a disk or an archive are done, and how many there are in all; 0: that is
// not known. It is called by another goroutine, while the call that it was given to goes on.
type CopyProgress func(done, total uint64)

// reporting makes a call that reports to a queue, and passes the reports on; the last one before it returns.
func reporting(to CopyProgress, body func(progress C.uint64_t) error) error {
	if to == nil || load() != nil {
		return body(0)
	}
	queue := C.call_progress_alloc()
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		for {
			var text *C.char
			err := call(context.Background(), func() *C.char { return C.call_progress_next(0, queue, &text) })
			if err != nil || text == nil {
				return
			}
			var event struct {
				Done  uint64 `json:"done_bytes"`
				Total uint64 `json:"total_bytes"`
			}
			if decode(takeText(text), &event) == nil {
				to(event.Done, event.Total)
			}
		}
	}()
	err := body(queue)
	if err != nil {
		C.call_progress_free(queue) // the call may not even have begun
	}
	<-finished
	C.call_progress_free(queue)
	return err
}

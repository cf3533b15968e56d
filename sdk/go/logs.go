package microsandbox

// #include "native.h"
import "C"

import (
	"context"
	"time"
)

// LogSource is where a log entry comes from.
type LogSource string

// Sources of log entries.
const (
	LogStdout LogSource = "stdout" // a command's standard output
	LogStderr LogSource = "stderr" // a command's standard error
	LogOutput LogSource = "output" // a command's terminal
	LogSystem LogSource = "system" // what the sandbox itself did
)

// LogEntry is something that a command wrote, or a line of the system's.
type LogEntry struct {
	Timestamp time.Time // when it came
	Source    LogSource // where it comes from
	SessionID *uint64   // the number of the command; nil for the system's lines
	Data      []byte    // what was written, as it came
	Cursor    string    // [WithLogFromCursor] goes on behind this entry
}

// Text is the entry's data as text.
func (e *LogEntry) Text() string { return string(e.Data) }

// LogOption chooses log entries.
type LogOption func(*logOptions)

// WithLogTail takes the last so many entries; not for streams.
func WithLogTail(entries uint64) LogOption { return func(o *logOptions) { o.Tail = &entries } }

// WithLogSince takes entries of that time or later.
func WithLogSince(since time.Time) LogOption {
	return func(o *logOptions) {
		ms := uint64(since.UnixMilli())
		o.SinceMs = &ms
	}
}

// WithLogUntil takes entries before that time.
func WithLogUntil(until time.Time) LogOption {
	return func(o *logOptions) {
		ms := uint64(until.UnixMilli())
		o.UntilMs = &ms
	}
}

// WithLogSources takes entries of these sources. Without it: what commands wrote, all but [LogSystem].
func WithLogSources(sources ...LogSource) LogOption {
	return func(o *logOptions) { o.Sources = append(o.Sources, sources...) }
}

// WithLogFromCursor goes on behind an entry.
func WithLogFromCursor(cursor string) LogOption {
	return func(o *logOptions) { o.FromCursor = &cursor }
}

// WithLogFollow goes on until the sandbox stops; only for streams.
func WithLogFollow() LogOption { return func(o *logOptions) { o.Follow = true } }

func encodeLogOptions(options []LogOption) (encoded cText, err error) {
	var chosen logOptions
	for _, option := range options {
		option(&chosen)
	}
	err = encoded.setOptions(chosen)
	return encoded, err
}

type logEntry struct {
	TimestampMs  int64 `json:"timestamp_ms"`
	Source       LogSource
	SessionID    *uint64 `json:"session_id"`
	Cursor       string
	Offset, Size int
}

func (e *logEntry) with(data []byte) LogEntry {
	return LogEntry{time.UnixMilli(e.TimestampMs), e.Source, e.SessionID, data, e.Cursor}
}

// Logs is what the sandbox's commands wrote, oldest first, whether it runs or not.
func (n *named) Logs(ctx context.Context, options ...LogOption) ([]LogEntry, error) {
	encoded, err := encodeLogOptions(options)
	defer encoded.free()
	if err != nil {
		return nil, err
	}
	var text *C.char
	var bytes *C.uint8_t
	var size C.size_t
	err = onName(ctx, n.name, func(_ C.uint64_t, name *C.char) *C.char {
		return C.call_sandbox_logs(name, encoded.pointer, &text, &bytes, &size)
	})
	if err != nil {
		return nil, err
	}
	data := takeBytes(bytes, size)
	var parsed []logEntry
	if err := decode(takeText(text), &parsed); err != nil {
		return nil, err
	}
	entries := make([]LogEntry, 0, len(parsed))
	for i := range parsed {
		entry := &parsed[i]
		if entry.Offset < 0 || entry.Size < 0 || entry.Offset > len(data) || entry.Size > len(data)-entry.Offset {
			return nil, &Error{Kind: ErrInternal, Message: "a log entry is outside of the data"}
		}
		entries = append(entries, entry.with(data[entry.Offset:entry.Offset+entry.Size:entry.Offset+entry.Size]))
	}
	return entries, nil
}

// LogStream is log entries, one by one.
type LogStream struct{ handle C.uint64_t }

// LogStream opens the log to be read entry by entry.
func (n *named) LogStream(ctx context.Context, options ...LogOption) (*LogStream, error) {
	encoded, err := encodeLogOptions(options)
	defer encoded.free()
	if err != nil {
		return nil, err
	}
	stream := &LogStream{}
	err = onName(ctx, n.name, func(_ C.uint64_t, name *C.char) *C.char {
		return C.call_log_stream_open(name, encoded.pointer, &stream.handle)
	})
	if err != nil {
		return nil, err
	}
	return stream, nil
}

// Recv is the next entry; nil behind the last. If entries were lost before they were read that is the
// error [ErrMissedRotation], once.
func (s *LogStream) Recv(ctx context.Context) (*LogEntry, error) {
	var text *C.char
	var data *C.uint8_t
	var size C.size_t
	err := cancellable(ctx, func(cancel C.uint64_t) *C.char {
		return C.call_log_stream_recv(cancel, s.handle, &text, &data, &size)
	})
	if err != nil || text == nil {
		return nil, err
	}
	bytes := takeBytes(data, size)
	var parsed logEntry
	if err := decode(takeText(text), &parsed); err != nil {
		return nil, err
	}
	entry := parsed.with(bytes)
	return &entry, nil
}

// Close ends the stream.
func (s *LogStream) Close() error {
	return call(context.Background(), func() *C.char {
		C.call_log_stream_close(s.handle)
		return nil
	})
}

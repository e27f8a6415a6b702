package push

import (
	"context"
	"time"

	"github.com/weir-go/weir/push/protocol"
)

// Publication is a message to be published by the server itself or the HTTP API.
type Publication struct {
	Topic     string
	Data      []byte // must not be changed afterwards
	QoS       protocol.QoS
	TTL       time.Duration // 0: the log's retention
	Publisher string        // with MessageID: who duplicates are told for
	MessageID string
}

// Receipt is what has become of a Publication.
type Receipt struct {
	Epoch     uint64 `json:"epoch,omitempty"` // QoS 1, as what follows
	Offset    uint64 `json:"offset,omitempty"`
	Duplicate bool   `json:"duplicate,omitempty"`
}

// Publish publishes p and returns when it is in the log (QoS 1), or accepted (QoS 0).
// The error is a *Error, or ctx's. It blocks.
func (s *Server) Publish(ctx context.Context, p Publication) (Receipt, error) { panic("push") }

// PublishAll publishes several messages, in order, and waits for all of them: their
// appending is one group. errs has an error or nil for each; it is nil if there is none.
func (s *Server) PublishAll(ctx context.Context, ps []Publication) (receipts []Receipt, errs []error) {
	panic("push")
}

package protocol_test

import (
	"errors"
	"fmt"

	"github.com/weir-go/weir/push/protocol"
)

func ExampleAppend() {
	msg := &protocol.Msg{Topic: "news", Offset: 4712, Previous: 4711, Data: []byte("hello")}
	b, err := protocol.Append(nil, protocol.Binary, msg)
	fmt.Printf("%x %v\n", b, err)
	b, err = protocol.Append(nil, protocol.JSON, msg)
	fmt.Printf("%s %v\n", b, err)
	// Output:
	// 0806046e657773e824e72468656c6c6f <nil>
	// {"type":"msg","topic":"news","offset":4712,"previous":4711,"data":"hello"} <nil>
}

func ExampleDecode() {
	f, err := protocol.Decode(protocol.JSON, []byte(`{"type":"sub","id":1,"filter":"news","qos":1}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	switch f := f.(type) {
	case *protocol.Sub:
		fmt.Println(f.ID, f.Filter, f.QoS)
	}
	_, err = protocol.Decode(protocol.Binary, []byte{byte(protocol.TypeUnsub), 9, 'a'})
	fmt.Println(errors.Is(err, protocol.ErrMalformed), err)
	// Output:
	// 1 news 1
	// true push: malformed frame: unsub: filter: 9 bytes are announced, 1 are there
}

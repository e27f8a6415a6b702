package topic_test

import (
	"fmt"
	"slices"

	"github.com/weir-go/weir/push/topic"
)

func ExampleCheckFilter() {
	fmt.Println(topic.CheckFilter("sensor/+/temp", 255))
	fmt.Println(topic.CheckFilter("sensor/a+/temp", 255))
	// Output:
	// <nil>
	// push: invalid topic: '+' at byte 8 is not alone in its level
}

func ExampleMatch() {
	fmt.Println(topic.Match("sensor/+/temp", "sensor/7/temp"))
	fmt.Println(topic.Match("sensor/#", "sensor"))
	fmt.Println(topic.Match("#", "$weir/stats"))
	// Output:
	// true
	// true
	// false
}

func ExampleCovers() {
	fmt.Println(topic.Covers("sensor/#", "sensor/+/temp"))
	fmt.Println(topic.Covers("sensor/+", "sensor/#"))
	// Output:
	// true
	// false
}

func ExampleSet() {
	var s topic.Set
	fmt.Println(s.Add(7), s.Add(7), s.Len(), s.Append(nil))
	// Output: true false 1 [7]
}

func ExampleTree() {
	var t topic.Tree
	t.Add("sensor/#", 1)
	t.Add("sensor/+/temp", 2)
	t.Add("door/+", 3)
	ids := t.Match("sensor/7/temp", nil)
	slices.Sort(ids)
	fmt.Println(ids)
	// Output: [1 2]
}

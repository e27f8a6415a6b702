package topic

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// ErrInvalid is wrapped by the errors of Check and CheckFilter.
var ErrInvalid = errors.New("push: invalid topic")

// Check returns nil for a topic: UTF-8, 1 to max bytes, without NUL, "+" and "#". The
// error wraps ErrInvalid and says what is wrong, fit to be told to the client.
func Check(name string, max int) error {
	if err := checkText(name, max); err != nil {
		return err
	}
	if i := strings.IndexAny(name, "+#"); i >= 0 {
		return fmt.Errorf("%w: %q at byte %d, which only filters may have", ErrInvalid, name[i], i)
	}
	return nil
}

// CheckFilter returns nil for a filter, which may be a topic: UTF-8, 1 to max bytes,
// without NUL, "+" only alone in its level, "#" only alone in the last one. The error
// is as that of Check.
func CheckFilter(filter string, max int) error {
	if err := checkText(filter, max); err != nil {
		return err
	}
	for i := 0; i < len(filter); i++ {
		switch filter[i] {
		case '+', '#':
			if i > 0 && filter[i-1] != '/' || i+1 < len(filter) && filter[i+1] != '/' {
				return fmt.Errorf("%w: %q at byte %d is not alone in its level", ErrInvalid, filter[i], i)
			}
			if filter[i] == '#' && i+1 < len(filter) {
				return fmt.Errorf("%w: \"#\" at byte %d is not in the last level", ErrInvalid, i)
			}
		}
	}
	return nil
}

// checkText checks what names and filters have in common.
func checkText(s string, max int) error {
	switch {
	case s == "":
		return fmt.Errorf("%w: it is empty", ErrInvalid)
	case len(s) > max:
		return fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrInvalid, len(s), max)
	case strings.IndexByte(s, 0) >= 0:
		return fmt.Errorf("%w: NUL at byte %d", ErrInvalid, strings.IndexByte(s, 0))
	case !utf8.ValidString(s):
		return fmt.Errorf("%w: not UTF-8", ErrInvalid)
	}
	return nil
}

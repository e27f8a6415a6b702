// Package pebblelog is a msglog.Log on a disk, in a Pebble database.
//
// A group that is appended is one batch and one fsync, so whoever calls Append decides
// how many messages share one. What is acknowledged survives kill -9, and the loss of
// power if the disk does what it says. Epochs, offsets and positions stay the same, and
// a message that is repeated after a restart is still known as a duplicate.
//
// The extents of all topics are in memory, at about 200 bytes and the name each, so that
// subscribing does not touch the disk; 100,000 topics are read in a fraction of a second
// when the log is opened. Messages are not in memory, but for Pebble's cache: put
// msglog.NewCached in front.
//
// # Failing disks
//
// Pebble ends the process when its log cannot be written. Here it does not: the database
// is abandoned at the first write that fails, and opened again on what is on the disk;
// see disk.go. If that cannot be written either, messages can still be read, Append
// returns errors that wrap msglog.ErrUnavailable, and it is tried again with each Append
// and Sweep, four times a second at most. Before a disk is full Append is refused,
// see Options.MinFree, as removing old messages needs room as well.
//
// # Limits
//
// Retention is applied by Sweep: a topic has what is appended in between more than it may
// keep. Sweep removes some ten thousand messages a call, for each of count, age and TTL,
// and looks at all topics within about a minute of calls every second.
package pebblelog

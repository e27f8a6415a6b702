// Package push delivers messages by topic to very many, mostly idle clients: sessions
// with subscriptions, a log from which those who were away catch up, presence,
// admission. It knows neither sockets nor HTTP: a transport, such as package gateway,
// attaches connections as Sinks and hands in the frames they receive.
package push

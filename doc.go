// Package weir is a network server framework.
package weir

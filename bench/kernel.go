//go:build unix

package main

// kernelUsage is what the kernel holds for everybody on the machine. Differences
// between two of them are what happened in between, so the machine must be quiet
// otherwise. What a system does not tell is 0.
type kernelUsage struct {
	MemTotal     int64 `json:"mem_total_bytes"`
	MemAvailable int64 `json:"mem_available_bytes"`
	MemFree      int64 `json:"mem_free_bytes"`
	FileCache    int64 `json:"file_cache_bytes"` // without shared memory

	// Kernel is all memory that is neither free, nor of processes, nor file
	// cache: slab, socket buffers, page tables, tables of descriptors, and what
	// no counter shows.
	Kernel     int64 `json:"kernel_bytes"`
	Slab       int64 `json:"slab_bytes"`
	SocketMem  int64 `json:"socket_memory_bytes"` // buffers of TCP
	PageTables int64 `json:"page_tables_bytes"`

	TCPInUse    int64 `json:"tcp_in_use"`
	TCPAlloc    int64 `json:"tcp_alloc"`
	TCPTimeWait int64 `json:"tcp_time_wait"`
	TCPOrphan   int64 `json:"tcp_orphan"`
	FilesOpen   int64 `json:"files_open"`

	// Since the machine has started; of this network namespace.
	ListenOverflows int64 `json:"listen_overflows"`
	ListenDrops     int64 `json:"listen_drops"`
}

// free is the memory that is left. MemAvailable says more: for the kernel half of
// what it could give back of its slabs is available, but sockets that are open
// give nothing back.
func (k kernelUsage) free() int64 { return k.MemFree + k.FileCache }

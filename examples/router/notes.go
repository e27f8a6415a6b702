package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/go-chi/chi/v5"
)

// Limits of the notes.
const (
	maxNotes = 1000
	maxNote  = 4 << 10 // bytes, as JSON
)

type note struct {
	ID   int    `json:"id"`
	Text string `json:"text"`
}

// notes are kept in memory.
type notes struct {
	mu   sync.Mutex
	last int
	all  []note // by ID
}

func newNotes() *notes { return &notes{all: []note{}} }

func (n *notes) routes(r chi.Router) {
	r.Get("/notes", n.list)
	r.Post("/notes", n.add)
	r.Get("/notes/{id}", n.get)
	r.Delete("/notes/{id}", n.remove)
}

func (n *notes) list(w http.ResponseWriter, _ *http.Request) {
	n.mu.Lock()
	all := slices.Clone(n.all)
	n.mu.Unlock()
	reply(w, http.StatusOK, all)
}

func (n *notes) add(w http.ResponseWriter, r *http.Request) {
	var added note
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxNote)).Decode(&added)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		refuse(w, http.StatusRequestEntityTooLarge, "the note is too large")
		return
	case err != nil || added.Text == "":
		refuse(w, http.StatusBadRequest, `want {"text":"..."}`)
		return
	}
	n.mu.Lock()
	full := len(n.all) == maxNotes
	if !full {
		n.last++
		added.ID = n.last
		n.all = append(n.all, added)
	}
	n.mu.Unlock()
	if full {
		refuse(w, http.StatusInsufficientStorage, "there are too many notes")
		return
	}
	w.Header().Set("Location", "/notes/"+strconv.Itoa(added.ID))
	reply(w, http.StatusCreated, added)
}

func (n *notes) get(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if i, found := n.find(r); found {
		reply(w, http.StatusOK, n.all[i])
		return
	}
	refuse(w, http.StatusNotFound, "no such note")
}

func (n *notes) remove(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if i, found := n.find(r); found {
		n.all = slices.Delete(n.all, i, i+1)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	refuse(w, http.StatusNotFound, "no such note")
}

// find needs mu.
func (n *notes) find(r *http.Request) (i int, found bool) {
	id, err := strconv.Atoi(chi.URLParam(r, "id"))
	if err != nil {
		return 0, false
	}
	return slices.BinarySearchFunc(n.all, id, func(have note, id int) int { return have.ID - id })
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) // an error is that of a client that has gone
}

func refuse(w http.ResponseWriter, status int, problem string) {
	reply(w, status, struct {
		Error string `json:"error"`
	}{problem})
}

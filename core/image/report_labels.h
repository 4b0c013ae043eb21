/* report_labels.h - where the names of partitions go that are too small to carry them. */
#ifndef CORE_IMAGE_REPORT_LABELS_H
#define CORE_IMAGE_REPORT_LABELS_H
#include <stdbool.h>
#include <stddef.h>

/* One name below the bar with a line up to its partition: slanted from at to foot, then straight
 * down beside the text.  Units are those of the picture. */
struct report_label {
    const char *text;
    double at;    /* in: the middle of the partition */
    double width; /* in: of the text */
    double foot;  /* out: where the straight part of the line stands */
    double x;     /* out: left end of the text */
    bool left;    /* out: the text is left of its line */
    int row;      /* out: 0 is next to the bar; -1 = no room, leave it out */
};
/* Gives every label a row, so that no text and no line meets another text.  Labels come sorted
 * by at.  Returns the number of rows. */
int report_labels_place(struct report_label *, size_t n, double picture_width);
#endif

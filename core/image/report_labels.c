/* Names of small partitions below the bar: texts of the first ones hang to the right of their
 * line, those of the others to its left, so that the lines of a crowd do not cross it. */
#include "report_labels.h"

enum { ROWS_MAX = 26, SPACE = 8, BESIDE = 3, MARGIN = 2 };

/* Lines of neighbours stand apart even if the partitions are a hair wide. */
static void spread(struct report_label *l, size_t n, double width)
{
    for (size_t i = 0; i < n; i++) {
        double least = i ? l[i - 1].foot + SPACE : MARGIN;
        l[i].foot = l[i].at > least ? l[i].at : least;
    }
    double most = width - MARGIN;
    for (size_t i = n; i-- > 0; most = l[i].foot - SPACE)
        if (l[i].foot > most)
            l[i].foot = most;
}

static bool across(const struct report_label *l, double line)
{
    return line > l->x - MARGIN && line < l->x + l->width + MARGIN;
}

/* Neither the text nor the line of a meets those of b. */
static bool apart(const struct report_label *a, int row, const struct report_label *b)
{
    if (row == b->row)
        return a->x + a->width + SPACE <= b->x || b->x + b->width + SPACE <= a->x;
    return row > b->row ? !across(b, a->foot) : !across(a, b->foot);
}

static int lowest_row(const struct report_label *l, size_t n, size_t which)
{
    for (int row = 0; row < ROWS_MAX; row++) {
        bool free_row = true;
        for (size_t i = 0; i < n && free_row; i++)
            free_row = i == which || l[i].row < 0 || apart(&l[which], row, &l[i]);
        if (free_row)
            return row;
    }
    return -1;
}

/* The first n_right labels have their text on the right.  Returns the rows, ROWS_MAX + 1 if a
 * label has no room. */
static int place(struct report_label *l, size_t n, size_t n_right, double width)
{
    int rows = 0;
    for (size_t i = 0; i < n; i++)
        l[i].row = -1;
    for (size_t k = 0; k < n; k++) {
        /* from where the two meet outwards: the outermost line is the longest */
        size_t i = k < n_right ? n_right - 1 - k : k;
        l[i].left = i >= n_right;
        l[i].x = l[i].left ? l[i].foot - BESIDE - l[i].width : l[i].foot + BESIDE;
        if (l[i].x >= 0 && l[i].x + l[i].width <= width)
            l[i].row = lowest_row(l, n, i);
        rows = l[i].row < 0 ? ROWS_MAX + 1 : l[i].row >= rows ? l[i].row + 1 : rows;
    }
    return rows;
}

int report_labels_place(struct report_label *l, size_t n, double picture_width)
{
    size_t best = 0;
    int fewest = ROWS_MAX + 2;
    spread(l, n, picture_width);
    for (size_t n_right = 0; n_right <= n; n_right++) {
        int rows = place(l, n, n_right, picture_width);
        if (rows < fewest) {
            fewest = rows;
            best = n_right;
        }
    }
    place(l, n, best, picture_width);
    int rows = 0;
    for (size_t i = 0; i < n; i++)
        rows = l[i].row >= rows ? l[i].row + 1 : rows;
    return rows;
}

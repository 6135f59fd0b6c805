/*
 * top_cells - the cells of a row of the table of links.
 */
#ifndef CLI_TOP_CELLS_H
#define CLI_TOP_CELLS_H

#include "cli/layout.h"
#include "cli/top.h"

enum cell {
	CELL_MARK,
	CELL_LINK,
	CELL_STATE,
	CELL_ROLE,
	CELL_RX,
	CELL_TX,
	CELL_PACKETS,
	CELL_ERRORS,
	CELL_DROPS,
	CELL_UTIL,
	CELL_RTT,
	CELL_LOSS,
	CELL_JITTER,
	CELL_FLAPS,
	CELL_MTU,
	CELL_KIND,
	CELL_MASTER,
	CELL_INCIDENT,
	CELL_ALIAS,
	CELLS
};

extern const struct column top_columns[CELLS];

struct drawing {
	struct page *p;
	const struct top_view *v;
	const cJSON *row; /* an object of the answer */
	struct column col[CELLS];
};

/* One cell of 'row', as wide as its column. */
void top_cell(const struct drawing *d, enum cell c);

#endif

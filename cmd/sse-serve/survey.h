/*
 * What the hub and each worker have to say to an inquiry: their counters; of
 * connections what they are and how far behind; and whether all is well.
 */
#ifndef SURVEY_H
#define SURVEY_H

struct hub;
struct inquiry;
struct post;
struct worker;

void survey_hub(struct hub *h, struct inquiry *q);
void survey_worker(struct worker *w, struct inquiry *q);

/* Add to post whom of the worker's subscribers its events reach. */
void survey_post(struct worker *w, struct post *p);

#endif

/*
 * What a subscriber may ask to see besides the events' own fields (show=).
 */
#ifndef SHOW_H
#define SHOW_H

#define SHOW_CHANNEL 0x1u /* the channel's field */
#define SHOW_HELLO 0x2u   /* sse:hello at the beginning */
#define SHOW_PLACE 0x4u   /* its place in id-only blocks */
#define SHOW_ROUTING 0x8u /* all fields of the event */

#endif

/*
 * Copyright (C) iHaNoi contributors
 *
 * IHANOI_ASAN: this is built with AddressSanitizer, by gcc or by clang.
 */

#ifndef _IHANOI_ASAN_H_INCLUDED_
#define _IHANOI_ASAN_H_INCLUDED_


#if defined(__SANITIZE_ADDRESS__)
#define IHANOI_ASAN  1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IHANOI_ASAN  1
#endif
#endif


#endif /* _IHANOI_ASAN_H_INCLUDED_ */

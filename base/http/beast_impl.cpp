// The one translation unit that holds Beast's bodies; every other file compiles declarations only.
#include <boost/beast/src.hpp>
